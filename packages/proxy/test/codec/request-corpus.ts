/** Requests that are valid, in every way in which one can be valid. */
export const VALID_REQUESTS: Readonly<Record<string, string>> = {
  "no headers but host": "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
  "many headers":
    "GET /api/v1/items/7919?x=1 HTTP/1.1\r\nHost: shop.example.com\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
    "accept: application/json, text/plain, */*\r\nAccept-Encoding: gzip, deflate, br\r\nCookie: session=8f14e45f; theme=dark\r\n" +
    "x-b3-traceid: 80f198ee56343ba864fe8b2a57d3eff7\r\nX-Tenant-Id: tenant-4242\r\ncache-control: no-cache\r\n\r\n",
  "white space around values": "GET / HTTP/1.1\r\nHost:a\r\nX:   b \t \r\nY:\r\nZ: \tc\td\r\n\r\n",
  "obs-text in a value": "GET / HTTP/1.1\r\nHost: a\r\nX: \xe9\xff\x80\r\n\r\n",
  "folded value": "GET / HTTP/1.1\r\nHost: a\r\nX: one\r\n two\r\n\tthree\r\nY: z\r\n\r\n",
  "folded content-length": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 5\r\n\r\nhello",
  "leading empty lines": "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "repeated headers":
    "GET / HTTP/1.1\r\nHost: a\r\nAccept: b\r\nCookie: c=1\r\nAccept: d\r\nCookie: e=2\r\nX: 1\r\nX: 2\r\n\r\n",
  "content-length": "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
  "leading zeros": "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\nhello",
  chunked: "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
  "chunked with extensions":
    'POST /p HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n5;a=b;c="d e"\r\nhello\r\n00A ; x = y\r\n0123456789\r\n0;z\r\n\r\n',
  "chunked with trailers":
    "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\nx-more: \t2 \r\n\r\n",
  "absolute form": "GET http://user@other.example:81/p?q HTTP/1.1\r\nHost: a\r\n\r\n",
  "asterisk form": "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
  "connection nominates": "GET / HTTP/1.1\r\nHost: a\r\nConnection: Foo, keep-alive\r\nFoo: 1\r\nBar: 2\r\n\r\n",
  "connection nominates content-length":
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: content-length\r\nContent-Length: 5\r\n\r\nhello",
  upgrade: "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  pipelined:
    "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
  "long value": `GET / HTTP/1.1\r\nHost: a\r\nX: ${"v".repeat(300)}\r\n\r\n`,
};

/** Responses likewise; those that end with the connection are in the tests. */
export const VALID_RESPONSES: Readonly<Record<string, string>> = {
  "content-length": "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 5\r\n\r\nhello",
  "no reason": "HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n",
  "empty reason": "HTTP/1.1 404 \r\ncontent-length: 0\r\n\r\n",
  "obs-text in the reason": "HTTP/1.1 200 \xe9\r\ncontent-length: 0\r\n\r\n",
  chunked: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x\r\n world\r\n0\r\n\r\n",
  "chunked with trailers": "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: y\r\n\r\n",
  "no content": "HTTP/1.1 204 No Content\r\nx: y\r\n\r\n",
  "not modified": "HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\netag: a\r\n\r\n",
  "after informational":
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
  folded: "HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n",
  "HTTP/1.0": "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
  "repeated headers":
    "HTTP/1.1 200 OK\r\nvary: a\r\nset-cookie: b\r\nvary: c\r\nset-cookie: d\r\ncontent-length: 0\r\n\r\n",
};
