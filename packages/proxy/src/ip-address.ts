/** The one function of node:net that opens nothing, so that pure code need not import sockets to use it. */
export { isIP } from "node:net";
