/** Byte classes of RFC 9110 and 9112, as tables: one load decides. */

/** token bytes (RFC 9110 §5.6.2), mapped to lower case; 0 = not a token byte. */
export const TOKEN = new Uint8Array(256);
/** Field value bytes (RFC 9110 §5.5): HTAB, 0x20–0x7e and obs-text. */
export const VALUE = new Uint8Array(256);
/** Request target bytes: visible ASCII. Envoy refuses 0x80 and above too. */
export const TARGET = new Uint8Array(256);
/** Bytes that Envoy takes in an authority (`HeaderUtility::authorityIsValid`): RFC 3986 host, port and userinfo. */
export const AUTHORITY = new Uint8Array(256);
/** Hexadecimal digits: value + 1; 0 = not one. */
export const HEX = new Uint8Array(256);

for (let byte = 0; byte < 256; byte++) {
  const character = String.fromCharCode(byte);
  if (/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(character)) TOKEN[byte] = character.toLowerCase().charCodeAt(0);
  if (byte === 9 || (byte >= 32 && byte !== 127)) VALUE[byte] = 1;
  if (byte > 32 && byte < 127) TARGET[byte] = 1;
  if (/[-._~!$&'()*+,;=:@%[\]0-9A-Za-z]/.test(character)) AUTHORITY[byte] = 1;
  if (/[0-9A-Fa-f]/.test(character)) HEX[byte] = Number.parseInt(character, 16) + 1;
}

export const HTAB = 9;
export const LF = 10;
export const FF = 12;
export const CR = 13;
export const SP = 32;
export const COLON = 58;
export const SEMICOLON = 59;
