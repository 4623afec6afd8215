/** DER (X.690): what reads a stranger's certificate needs no more than this. */
export { DerError, DerReader, readOid, readParts, readTime } from "./reader.ts";
export type { Element } from "./reader.ts";
export { TAG } from "./tags.ts";
