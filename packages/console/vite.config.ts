import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Relative addresses: the console may be served under any path (control/src/http/console.ts writes the base).
export default defineConfig({
  base: "./",
  plugins: [react()],
  build: {
    target: "es2023",
    modulePreload: { polyfill: false },
    // An inlined file would be a data: address, which the page's policy does not take for scripts and styles.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});
