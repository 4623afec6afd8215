/** `/help` as text and `/` as a page: both made from the endpoints themselves. */
import { type AdminEndpoint, type AdminReply, text } from "./endpoint.ts";

export function helpText(endpoints: readonly AdminEndpoint[]): string {
  let out = "admin commands are:\n";
  for (const endpoint of sorted(endpoints)) {
    out += `  ${endpoint.path}${endpoint.post ? " (POST)" : ""}: ${endpoint.help}\n`;
    for (const [name, help] of Object.entries(endpoint.parameters)) out += `      ${name}: ${help}\n`;
  }
  return out;
}

export function helpEndpoints(all: () => readonly AdminEndpoint[]): readonly AdminEndpoint[] {
  return [
    {
      path: "/help",
      post: false,
      help: "print out list of admin commands",
      parameters: {},
      handle: () => text(helpText(all())),
    },
    { path: "/", post: false, help: "Admin home page", parameters: {}, handle: () => homePage(all()) },
  ];
}

function homePage(endpoints: readonly AdminEndpoint[]): AdminReply {
  const rows = sorted(endpoints)
    .map((endpoint) => {
      const path = escapeHtml(endpoint.path);
      const name = endpoint.post
        ? `<form action="${path.slice(1)}" method="post"><button>${path}</button></form>`
        : `<a href="${path.slice(1) || "."}">${path}</a>`;
      const parameters = Object.entries(endpoint.parameters)
        .map(([parameter, help]) => `<br><code>${escapeHtml(parameter)}</code> ${escapeHtml(help)}`)
        .join("");
      return `<tr><td>${name}</td><td>${escapeHtml(endpoint.help)}${parameters}</td></tr>`;
    })
    .join("\n");
  const body = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Tulle Admin</title>
<style>body{font-family:sans-serif}td{padding:4px;vertical-align:top}form{margin:0}tr:nth-child(even){background:#eee}</style></head>
<body><h1>Tulle Admin</h1><table>
${rows}
</table></body></html>
`;
  return { status: 200, contentType: "text/html; charset=UTF-8", body };
}

function sorted(endpoints: readonly AdminEndpoint[]): readonly AdminEndpoint[] {
  return endpoints.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function escapeHtml(value: string): string {
  return value
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
