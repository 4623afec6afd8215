import { type AdminEndpoint, json, text } from "./endpoint.ts";

export const listenersEndpoint: AdminEndpoint = {
  path: "/listeners",
  post: false,
  help: "print listener info",
  parameters: { format: "File format to use; One of (text, json)" },
  handle(query, context) {
    const listeners = context.configuration.listeners.addresses();
    if (query.get("format") !== "json") {
      return text(listeners.map(({ name, address, port }) => `${name}::${joined(address, port)}\n`).join(""));
    }
    return json({
      listener_statuses: listeners.map(({ name, address, port }) => ({
        name,
        local_address: { socket_address: { address, port_value: port } },
      })),
    });
  },
};

function joined(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
