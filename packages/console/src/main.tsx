// First: it says in which order the layers count.
import "./styles/index.css";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { ApiError, BASE } from "./api/client.ts";
import { App } from "./shell/app.tsx";
import { readTheme, showTheme } from "./shell/theme.ts";
import { Toasts } from "./ui/toasts.tsx";

showTheme(readTheme());

/** An answer that is a refusal stays one; only silence is worth asking again. */
const retry = (failures: number, error: unknown): boolean =>
  failures < 1 && error instanceof ApiError && error.status === 0;

const queries = new QueryClient({ defaultOptions: { queries: { retry, staleTime: 1000, networkMode: "always" } } });

createRoot(document.querySelector("#root")!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Router base={BASE}>
        <Toasts>
          <App />
        </Toasts>
      </Router>
    </QueryClientProvider>
  </StrictMode>,
);
