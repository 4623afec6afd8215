/** Bytes of one stream on one side as they crossed the wire, framing included. Envoy's `StreamInfo::BytesMeter`. */
export class BytesMeter {
  wireReceived = 0;
  wireSent = 0;
  /** Of what was received, names and values of headers and trailers, and three bytes for each line. */
  headerReceived = 0;
  /** Of what was sent, the header lines with their line ends; the start line is none. */
  headerSent = 0;
  /** The same, before compression. */
  plainHeaderReceived = 0;
  plainHeaderSent = 0;

  reset(): void {
    this.wireReceived = 0;
    this.wireSent = 0;
    this.headerReceived = 0;
    this.headerSent = 0;
    this.plainHeaderReceived = 0;
    this.plainHeaderSent = 0;
  }

  /** Names and values of a head or of trailers have come, uncompressed. */
  countReceivedHead(bytes: number): void {
    this.headerReceived += bytes;
    this.plainHeaderReceived += bytes;
  }

  /** A head has left. @param lines bytes of its header lines @param rest of its start line and its empty line */
  countHead(lines: number, rest: number): void {
    this.headerSent += lines;
    this.plainHeaderSent += lines;
    this.wireSent += lines + rest;
  }
}
