/** What a config dump of some proxy says, which need not be of this mesh. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { explainIn, worldOf } from "./support/pure-world.ts";

const DUMP = {
  configs: [
    {
      "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
      static_listeners: [
        {
          listener: {
            "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
            name: "l",
            address: { socket_address: { address: "0.0.0.0", port_value: 9080 } },
            filter_chains: [
              {
                filters: [
                  {
                    name: "envoy.filters.network.http_connection_manager",
                    typed_config: {
                      "@type":
                        "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                      stat_prefix: "x",
                      http_filters: [
                        {
                          name: "envoy.filters.http.router",
                          typed_config: {
                            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                          },
                        },
                      ],
                      route_config: {
                        name: "r",
                        virtual_hosts: [
                          {
                            name: "v",
                            domains: ["*"],
                            routes: [{ name: "all", match: { prefix: "/" }, route: { cluster: "c" } }],
                          },
                        ],
                      },
                    },
                  },
                ],
              },
            ],
          },
        },
      ],
    },
    {
      "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
      static_clusters: [
        { cluster: { "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", name: "c", type: "STATIC" } },
      ],
    },
  ],
};

test("the dump of a proxy that nobody here knows is explained, whoever it is said to be of", () => {
  const world = worldOf("", [], []);
  assert.ok(typeof world !== "string");
  const question = { url: "http://reviews:9080/", method: "GET", headers: [] };
  for (const from of [undefined, "x/default", "x.other"]) {
    const { route } = explainIn(world, { ...question, configDump: DUMP, ...(from === undefined ? {} : { from }) });
    assert.equal(route, "all");
  }
  assert.throws(() => explainIn(world, { ...question, from: "x/default" }), /no proxy of x\/default is connected/);
  assert.throws(() => explainIn(world, { ...question, from: "x", configDump: {} }), /no config dump/);
});
