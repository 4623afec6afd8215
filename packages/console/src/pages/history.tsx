import type { ReactNode } from "react";
import { HistoryList } from "../config/history-list.tsx";
import { useNamespace } from "../shell/scope.ts";
import { Page } from "../ui/basics.tsx";

export default function HistoryPage(): ReactNode {
  const ns = useNamespace();
  return (
    <Page
      title="History"
      lead="What was changed, when, and by what. A change can be taken back while nothing has changed since."
    >
      <HistoryList query={ns === "" ? {} : { namespace: ns }} />
    </Page>
  );
}
