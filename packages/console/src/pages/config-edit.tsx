/** An object's YAML, or a new one's: written, checked by the control plane while one writes, compared, applied. */
import { useRef, useState } from "react";
import type { ReactNode } from "react";
import { Editor } from "../config/editor.tsx";
import type { EditorHandle } from "../config/editor.tsx";
import { parseKey } from "../config/objects.ts";
import { Review } from "../config/review.tsx";
import { TEMPLATES } from "../config/templates.ts";
import { useObject } from "../config/use-object.ts";
import { useValidation } from "../config/use-validation.ts";
import { objectPath } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { useAddress } from "../url/use-address.ts";
import { Answer, Card, Page, Select } from "../ui/basics.tsx";
import "../styles/editor.css";

export default function ConfigEditPage(): ReactNode {
  const { query, change } = useAddress();
  const key = query.get("object");
  const template = TEMPLATES.find(({ id }) => id === query.get("template")) ?? TEMPLATES[0]!;
  const reference = key === null ? undefined : parseKey(key);
  return (
    <Page
      title={reference === undefined ? "New object" : reference.name}
      crumbs={
        <>
          <Link to="/config">Config</Link> / {reference === undefined ? "new" : `${reference.kind} / edit`}
        </>
      }
      actions={
        reference !== undefined ? undefined : (
          <Select
            aria-label="Begin with"
            value={template.id}
            options={TEMPLATES.map(({ id, name }) => ({ value: id, name }))}
            onChange={({ target }) => change({ template: target.value }, { replace: true })}
          />
        )
      }
    >
      {reference === undefined ? (
        <Body key={template.id} initial={template.text} back="/config" />
      ) : (
        <Existing reference={reference} />
      )}
    </Page>
  );
}

function Existing({ reference }: { readonly reference: NonNullable<ReturnType<typeof parseKey>> }): ReactNode {
  const answer = useObject(reference);
  return (
    <Answer of={answer} what="the object">
      {({ text }) => <Body initial={text} back={objectPath(reference)} />}
    </Answer>
  );
}

function Body({ initial, back }: { readonly initial: string; readonly back: string }): ReactNode {
  const { go } = useAddress();
  const [text, setText] = useState(initial);
  const validation = useValidation(text);
  const editor = useRef<EditorHandle>(null);
  return (
    <div className="edit">
      <Card title="YAML" note="Ctrl-Space completes; the control plane checks while you write." flush>
        <Editor ref={editor} initial={initial} diagnostics={validation.data?.diagnostics ?? []} onChange={setText} />
      </Card>
      <Card title="What it means">
        <Review
          text={text}
          temporary=""
          showYaml={false}
          onLine={(line, column) => editor.current?.goTo(line, column)}
          onApplied={() => go(back)}
        />
      </Card>
    </div>
  );
}
