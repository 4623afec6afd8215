import type { Explainer } from "@tulle/control/explainer";

/** The data plane's matchers are loaded when somebody asks for the first time. */
export function explainer(): Explainer {
  const loaded = async (): Promise<Explainer> => (await import("@tulle/explain")).makeExplainer();
  return {
    explain: async (...question) => (await loaded()).explain(...question),
    change: async (...question) => (await loaded()).change(...question),
  };
}
