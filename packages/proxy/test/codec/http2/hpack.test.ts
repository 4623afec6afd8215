import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HpackDecoder } from "../../../src/codec/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../src/codec/http2/hpack/encoder.ts";
import { decodeHuffman } from "../../../src/codec/http2/hpack/huffman.ts";
import { type Fields, decodeBlock, encodeHuffman } from "./hpack-support.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

/** Encodes as the message writers do, pseudo-headers by what they are. */
function encode(encoder: HpackEncoder, fields: Fields): Buffer {
  const bytes = Buffer.alloc(65_536);
  let at = encoder.begin(bytes, 0);
  for (const [name, value] of fields) {
    const pseudo = [":method", ":scheme", ":authority", ":path", ":status", ":protocol"].indexOf(name) + 1;
    at = pseudo > 0 ? encoder.pseudo(pseudo, value, bytes, at) : encoder.field(0, name, value, bytes, at);
  }
  return bytes.subarray(0, at);
}

const REQUESTS: readonly Fields[] = [
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
  ],
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
    ["cache-control", "no-cache"],
  ],
  [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/index.html"],
    [":authority", "www.example.com"],
    ["custom-key", "custom-value"],
  ],
];

const RESPONSES: readonly Fields[] = [
  [
    [":status", "302"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["location", "https://www.example.com"],
  ],
  [
    [":status", "307"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["location", "https://www.example.com"],
  ],
  [
    [":status", "200"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:22 GMT"],
    ["location", "https://www.example.com"],
    ["content-encoding", "gzip"],
    ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
  ],
];

describe("HPACK decodes the examples of RFC 7541, appendix C", () => {
  const examples: readonly (readonly [name: string, tableSize: number, blocks: readonly string[], expected: readonly Fields[]])[] = [
    ["C.2.1 literal with indexing", 4096, ["400a637573746f6d2d6b65790d637573746f6d2d686561646572"], [[["custom-key", "custom-header"]]]],
    ["C.2.2 literal without indexing", 4096, ["040c2f73616d706c652f70617468"], [[[":path", "/sample/path"]]]],
    ["C.2.3 never indexed", 4096, ["100870617373776f726406736563726574"], [[["password", "secret"]]]],
    [
      "C.3 requests without Huffman", 4096,
      ["828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865", "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"],
      REQUESTS,
    ],
    [
      "C.4 requests with Huffman", 4096,
      ["828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"],
      REQUESTS,
    ],
    [
      "C.5 responses without Huffman, with eviction", 256,
      [
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
      ],
      RESPONSES,
    ],
    [
      "C.6 responses with Huffman, with eviction", 256,
      [
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
        "4883640effc1c0bf",
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
      ],
      RESPONSES,
    ],
  ]; // prettier-ignore
  for (const [name, tableSize, blocks, expected] of examples) {
    it(name, () => {
      const decoder = new HpackDecoder();
      if (tableSize < 4096) {
        // The examples have agreed on it beforehand; here the block must say so.
        decoder.setLimit(tableSize);
        assert.deepEqual(decodeBlock(decoder, hex("3fe101")), []);
      }
      assert.deepEqual(blocks.map((block) => decodeBlock(decoder, hex(block))), expected); // prettier-ignore
    });
  }
});

describe("HPACK refuses", () => {
  const refused: Readonly<Record<string, string>> = {
    "index 0": "80",
    "an index beyond the table": "be",
    "a name's index beyond the table": "7f0a0161",
    "an integer that goes on for ever (HPACK integer overflow)": "ffffffffffff0f",
    "an integer cut short": "ff80",
    "a string longer than the block": "40056162",
    "a literal without a value": "400161",
    "a size update larger than allowed": "3fe21f",
    "a size update after a field": "8220",
    "three size updates": "202020",
    "Huffman: padding longer than seven bits": "0085f1e3c2ffff0161",
    "Huffman: padding of zeros": "0081180161",
    "Huffman: EOS": "0084ffffffff0161",
  };
  for (const [name, block] of Object.entries(refused)) {
    it(name, () => assert.equal(decodeBlock(new HpackDecoder(), hex(block)), null));
  }

  it("a block that goes on with too large a table after we have lowered the limit", () => {
    const decoder = new HpackDecoder();
    decoder.setLimit(0);
    assert.equal(decodeBlock(decoder, hex("82")), null);
    const obedient = new HpackDecoder();
    obedient.setLimit(0);
    assert.deepEqual(decodeBlock(obedient, hex("2082")), [[":method", "GET"]]);
  });
});

describe("HPACK", () => {
  it("decodes every byte of Huffman's code", () => {
    for (let byte = 0; byte < 256; byte++) {
      const text = String.fromCharCode(byte);
      for (const each of [text, text.repeat(3), `a${text}`, `${text}~`]) {
        const bytes = encodeHuffman(each);
        assert.equal(decodeHuffman(bytes, 0, bytes.length), each);
      }
    }
  });

  it("keeps nothing that is larger than the table, which it empties", () => {
    const decoder = new HpackDecoder();
    decodeBlock(decoder, hex("40016101614001620162"));
    const large = Buffer.concat([hex("4001637fe11f"), Buffer.alloc(4192, 0x78)]);
    assert.notEqual(decodeBlock(decoder, large), null);
    assert.equal(decodeBlock(decoder, hex("be")), null);
  });

  it("sends a value that comes again by its index, from the third time on", () => {
    const encoder = new HpackEncoder(4096);
    const decoder = new HpackDecoder();
    const fields: Fields = [
      [":path", "/pkg.Service/Method"],
      ["x-anything", "the same"],
    ];
    const lengths = [1, 2, 3, 4].map(() => {
      const block = encode(encoder, fields);
      assert.deepEqual(decodeBlock(decoder, block), fields);
      return block.length;
    });
    assert.deepEqual(lengths.slice(2), [2, 2]);
    assert.ok(lengths[0] === lengths[1]);
  });

  it("keeps secrets out of every table, and says so", () => {
    const encoder = new HpackEncoder(4096);
    for (const name of ["authorization", "cookie", "set-cookie", "proxy-authorization"]) {
      for (let i = 0; i < 4; i++) {
        const block = encode(encoder, [[name, "secret"]]);
        assert.equal(block[0] & 0xf0, 0x10, name);
        assert.ok(block.includes("secret"));
      }
    }
  });

  it("follows the peer's table size down and up again, and never uses more than its own limit", () => {
    const encoder = new HpackEncoder(4096);
    const decoder = new HpackDecoder();
    const fields: Fields = [["x-a", "b"]];
    for (let i = 0; i < 3; i++) decodeBlock(decoder, encode(encoder, fields));
    encoder.setMaxSize(0);
    encoder.setMaxSize(65_536);
    const block = encode(encoder, fields);
    assert.deepEqual([...block.subarray(0, 4)], [0x20, 0x3f, 0xe1, 0x1f], "down to 0, then up to 4096");
    assert.deepEqual(decodeBlock(decoder, block), fields);
    assert.deepEqual(decodeBlock(decoder, encode(encoder, fields)), fields);
  });

  it("has its own limit where that is lower than the default", () => {
    const encoder = new HpackEncoder(100);
    assert.deepEqual([...encode(encoder, [[":method", "GET"]])], [0x3f, 0x45, 0x82]);
  });

  it("survives eviction: values that have left the table are literals again", () => {
    const encoder = new HpackEncoder(4096);
    const decoder = new HpackDecoder();
    let state = 7;
    for (let round = 0; round < 3_000; round++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const fields: Fields = [
        [`x-${state % 40}`, `v${(state >>> 8) % 5}`.repeat(1 + (state % 30))],
        ["accept", `a${(state >>> 12) % 3}`],
        [":authority", `h${(state >>> 16) % 3}`],
      ];
      assert.deepEqual(decodeBlock(decoder, encode(encoder, fields)), fields);
    }
  });

  it("knows which names and values are malformed", () => {
    const faults = (name: string, value: string): number => {
      const decoder = new HpackDecoder();
      let found = -1;
      const block = Buffer.concat([
        Buffer.from([0, name.length]),
        Buffer.from(name, "latin1"),
        Buffer.from([value.length]),
        Buffer.from(value, "latin1"),
      ]);
      assert.ok(decoder.decode(block, 0, block.length, { onField: (field) => (found = field.faults) }));
      return found;
    };
    assert.equal(faults("x-a", "b \t\xff"), 0);
    for (const name of ["X", "a b", "", "a:", "a\0", "\x80", "a\r"]) assert.equal(faults(name, "b"), 1, name);
    for (const value of ["a\rb", "a\nb", "a\0b", "\x7f"]) assert.equal(faults("a", value), 2, value);
  });
});
