import type { IconName } from "../ui/icon.tsx";

export interface WizardInfo {
  readonly id: "shift" | "fault" | "mirror" | "timeout" | "breaker";
  readonly name: string;
  readonly what: string;
  readonly icon: IconName;
}

export const WIZARDS: readonly WizardInfo[] = [
  { id: "shift", name: "Shift traffic", what: "Shares of the requests to each version", icon: "shift" },
  { id: "fault", name: "Inject a fault", what: "Delays or errors, for requests with your header only", icon: "fault" },
  { id: "mirror", name: "Mirror", what: "Copies of requests to a version nobody depends on", icon: "mirror" },
  { id: "timeout", name: "Timeout and retries", what: "How long to wait, and how often to try", icon: "timeout" },
  { id: "breaker", name: "Circuit breaker", what: "When to stop asking, and what to answer instead", icon: "breaker" },
];
