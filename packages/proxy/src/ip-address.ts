/** What of node:net opens nothing, so that pure code need not import sockets to use it. */
export { BlockList, isIP } from "node:net";
