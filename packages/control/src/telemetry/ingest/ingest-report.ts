/** What became of the records of one message. */
export interface IngestReport {
  readonly accepted: number;
  readonly refused: number;
  /** Of the first that was refused; "" if none was. */
  readonly reason: string;
}
