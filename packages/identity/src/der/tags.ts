/** Identifier octets (X.690 §8.1.2): class, constructed or not, and number. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
  /** Plus the number: `[0]` is 0x80. */
  context: 0x80,
  contextConstructed: 0xa0,
} as const;
