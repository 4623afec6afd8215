/** The DNS server beside a captured program. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { Resolver } from "node:dns/promises";
import { create } from "@bufbuild/protobuf";
import { NameTableSchema } from "@tulle/xds/gen/istio/networking/nds/v1/nds_pb.js";
import { MeshNames } from "../../src/dns/mesh-names.ts";
import { answer, failure, RCODE, readQuestion, TYPE_A, TYPE_AAAA } from "../../src/dns/message.ts";
import { nameServicesFor, parseResolverConfig, resolverConfigFor } from "../../src/dns/resolver-config.ts";
import { DnsServer } from "../../src/dns/server.ts";
import { framed, TcpMessages } from "../../src/dns/upstream.ts";

const TABLE = create(NameTableSchema, {
  table: {
    "web.default.svc.cluster.local": {
      ips: ["240.240.1.1", "2001:2::f0f0:101"],
      registry: "Kubernetes",
      shortname: "web",
      namespace: "default",
    },
    "db.data.svc.cluster.local": { ips: ["10.96.0.9"], registry: "Kubernetes", shortname: "db", namespace: "data" },
    "*.example.com": { ips: ["10.0.0.1"], registry: "External" },
    "*.a.example.com": { ips: ["10.0.0.2"], registry: "External" },
    "own.example.com": { ips: ["10.0.0.3"], registry: "External" },
  },
});

/** A query with recursion desired, id 0x1234. */
function query(name: string, type: number): Buffer {
  const labels = name.split(".").map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  return Buffer.concat([
    Buffer.from([0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]),
    ...labels,
    Buffer.from([0, 0, type, 0, 1]),
  ]);
}

describe("names of the mesh", () => {
  const names = new MeshNames(TABLE, "default");

  test("a service has its full name, shorter ones, and in its own namespace one of a word", () => {
    for (const name of ["web.default.svc.cluster.local", "web.default.svc", "web.default", "web"]) {
      assert.deepEqual(names.find(name, 4), ["240.240.1.1"], name);
    }
    assert.deepEqual(names.find("db.data", 4), ["10.96.0.9"]);
    assert.equal(names.find("db", 4), undefined);
  });

  test("a name without addresses of the family is there, and has none", () => {
    assert.deepEqual(names.find("db.data", 6), []);
    assert.equal(names.find("nobody", 6), undefined);
  });

  test("the longest wildcard holds, unless there is the name itself; none covers its own suffix", () => {
    assert.deepEqual(names.find("x.example.com", 4), ["10.0.0.1"]);
    assert.deepEqual(names.find("x.a.example.com", 4), ["10.0.0.2"]);
    assert.deepEqual(names.find("own.example.com", 4), ["10.0.0.3"]);
    assert.equal(names.find("example.com", 4), undefined);
  });
});

describe("messages", () => {
  test("a question is read, whatever its case; what is none is not", () => {
    assert.deepEqual(readQuestion(query("Web.Default", TYPE_A)), { name: "web.default", type: TYPE_A, end: 29 });
    const response = query("web", TYPE_A);
    response[2] = 0x81;
    assert.equal(readQuestion(response), undefined);
    assert.equal(readQuestion(Buffer.alloc(5)), undefined);
    for (let end = 0; end < 29; end++)
      assert.equal(readQuestion(query("web.default", TYPE_A).subarray(0, end)), undefined);
  });

  test("a label that points elsewhere, or a name without end, is no question", () => {
    const pointer = query("web", TYPE_A);
    pointer[12] = 0xc0;
    assert.equal(readQuestion(pointer), undefined);
    const endless = Buffer.concat([query("a", TYPE_A).subarray(0, 12), Buffer.alloc(600, 1)]);
    assert.equal(readQuestion(endless), undefined);
  });

  test("an answer repeats the id and the question, is authoritative, and lives half a minute", () => {
    const asked = query("web", TYPE_AAAA);
    const reply = answer(asked, readQuestion(asked)!, ["2001:2::f0f0:101"], 30);
    assert.equal(
      reply.toString("hex"),
      "1234" +
        "8580" +
        "0001" +
        "0001" +
        "00000000" +
        "0377656200" +
        "001c0001" +
        "c00c" +
        "001c0001" +
        "0000001e" +
        "0010" +
        "20010002000000000000" +
        "0000f0f00101",
    );
  });

  test("a failure has its code and no claim to authority", () => {
    assert.equal(failure(query("web", TYPE_A), RCODE.serverFailure).readUInt16BE(2), 0x8182);
  });

  test("over TCP messages come in any pieces", () => {
    const bytes = Buffer.concat([framed(Buffer.from("one")), framed(Buffer.from("two"))]);
    const reader = new TcpMessages();
    const read = [...bytes].flatMap((byte) => reader.read(Buffer.from([byte]))).map(String);
    assert.deepEqual(read, ["one", "two"]);
  });
});

describe("the server", () => {
  const upstreamAsked: string[] = [];
  const upstream = createSocket("udp4");
  let server: DnsServer;
  let port = 0;
  const resolver = new Resolver({ timeout: 20_000, tries: 1 });

  before(async () => {
    upstream.on("message", (message, peer) => {
      const question = readQuestion(message)!;
      upstreamAsked.push(question.name);
      upstream.send(answer(message, question, ["192.0.2.1"], 5), peer.port, peer.address);
    });
    await new Promise<void>((resolve) => upstream.bind(0, "127.0.0.1", resolve));
    server = new DnsServer([{ host: "127.0.0.1", port: upstream.address().port }]);
    server.names = new MeshNames(TABLE, "default");
    port = await server.listen({ host: "127.0.0.1", port: 0 });
    resolver.setServers([`127.0.0.1:${port}`]);
  });
  after(() => {
    server.close();
    upstream.close();
  });

  test("answers for the mesh itself", async () => {
    assert.deepEqual(await resolver.resolve4("web.default.svc.cluster.local"), ["240.240.1.1"]);
    assert.deepEqual(await resolver.resolve6("web.default.svc.cluster.local"), ["2001:2::f0f0:101"]);
    assert.deepEqual(upstreamAsked, []);
  });

  test("a name of the mesh has nothing but addresses, and no error", async () => {
    await assert.rejects(resolver.resolve6("db.data"), { code: "ENODATA" });
    await assert.rejects(resolver.resolveTxt("db.data"), { code: "ENODATA" });
    assert.deepEqual(upstreamAsked, []);
  });

  test("asks the machine's servers for everything else", async () => {
    assert.deepEqual(await resolver.resolve4("elsewhere.test"), ["192.0.2.1"]);
    assert.deepEqual(upstreamAsked, ["elsewhere.test"]);
  });

  test("answers over TCP", async () => {
    const socket = connect(port, "127.0.0.1");
    const reply = await new Promise<Buffer>((resolve, reject) => {
      const reader = new TcpMessages();
      socket.on("error", reject);
      socket.on("data", (bytes) => reader.read(bytes).forEach(resolve));
      socket.write(framed(query("web", TYPE_A)));
    });
    socket.destroy();
    assert.ok(reply.toString("hex").endsWith("f0f00101"));
  });

  test("a port that is somebody's for TCP is refused, and not kept for datagrams", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const taken = (other.address() as AddressInfo).port;
    const second = new DnsServer([]);
    await assert.rejects(second.listen({ host: "127.0.0.1", port: taken }), { code: "EADDRINUSE" });
    const free = createSocket("udp4");
    await new Promise<void>((resolve) => free.bind(taken, "127.0.0.1", resolve));
    free.close();
    second.close();
    other.close();
  });

  test("says that it failed where nobody knows", async () => {
    const lonely = new DnsServer([]);
    const own = await lonely.listen({ host: "127.0.0.1", port: 0 });
    const asking = new Resolver({ timeout: 20_000, tries: 1 });
    asking.setServers([`127.0.0.1:${own}`]);
    await assert.rejects(asking.resolve4("web"), { code: "ESERVFAIL" });
    lonely.close();
  });
});

describe("resolv.conf and nsswitch.conf", () => {
  test("servers and search list of this machine are read; comments, options and scopes do not matter", () => {
    const text =
      "# x\nnameserver 10.0.0.1\nnameserver fe80::1%eth0\nsearch a.test b.test\noptions ndots:5\nnameserver nope\n";
    assert.deepEqual(parseResolverConfig(text), {
      servers: ["10.0.0.1", "fe80::1"],
      search: ["a.test", "b.test"],
    });
  });

  test("a captured program looks short names up in its own namespace first", () => {
    assert.equal(
      resolverConfigFor("shop", "cluster.local", { servers: ["10.0.0.1"], search: ["a.test"] }),
      "nameserver 127.0.0.1\nsearch shop.svc.cluster.local svc.cluster.local cluster.local a.test\n",
    );
  });

  test("names come by DNS, past no daemon's socket", () => {
    assert.equal(
      nameServicesFor("passwd: files\nhosts: mymachines resolve [!UNAVAIL=return] files dns\n"),
      "passwd: files\nhosts: files dns\n",
    );
  });
});
