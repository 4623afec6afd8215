import assert from "node:assert/strict";
import { test } from "node:test";
import { isHttpProtocol, isTlsProtocol, parseProtocol, servicePortProtocol } from "../src/protocol.ts";

test("appProtocol comes first, then the name up to its dash, then known ports, else it is found out", () => {
  assert.equal(servicePortProtocol({ port: 80, name: "tcp-x", appProtocol: "http" }), "HTTP");
  assert.equal(servicePortProtocol({ port: 80, appProtocol: "kubernetes.io/h2c" }), "HTTP2");
  assert.equal(servicePortProtocol({ port: 80, appProtocol: "kubernetes.io/ws" }), "HTTP");
  assert.equal(servicePortProtocol({ port: 80, appProtocol: "kubernetes.io/wss" }), "HTTPS");
  assert.equal(servicePortProtocol({ port: 80, name: "grpc-web-x" }), "GRPC-WEB");
  assert.equal(servicePortProtocol({ port: 80, name: "grpc-x" }), "GRPC");
  assert.equal(servicePortProtocol({ port: 80, name: "HTTP2" }), "HTTP2");
  assert.equal(servicePortProtocol({ port: 80, name: "web" }), "AUTO");
  assert.equal(servicePortProtocol({ port: 80, name: "httpx" }), "AUTO");
  assert.equal(servicePortProtocol({ port: 3306, name: "db" }), "TCP");
  assert.equal(servicePortProtocol({ port: 3306, name: "http-db" }), "HTTP");
  assert.equal(servicePortProtocol({ port: 53, name: "http", protocol: "UDP" }), "UDP");
  assert.equal(servicePortProtocol({ port: 80 }), "AUTO");
});

test("protocol names are known in any case", () => {
  assert.equal(parseProtocol("Grpc-Web"), "GRPC-WEB");
  assert.equal(parseProtocol("smtp"), undefined);
  assert.ok(isHttpProtocol("GRPC") && !isHttpProtocol("HTTPS"));
  assert.ok(isTlsProtocol("HTTPS") && isTlsProtocol("TLS") && !isTlsProtocol("HTTP"));
});
