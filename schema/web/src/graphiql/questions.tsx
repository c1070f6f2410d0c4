// A pane beside GraphiQL's editor: the example questions, each a click away.

import { type GraphiQLPlugin, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import type { Example } from "./examples";

export const QUESTIONS = "Example questions";

export function questions(examples: Example[]): GraphiQLPlugin {
  return { title: QUESTIONS, icon: Icon, content: () => <Questions examples={examples} /> };
}

function Questions({ examples }: { examples: Example[] }) {
  const { addTab } = useGraphiQLActions();
  const editor = useGraphiQL((state) => state.queryEditor);
  const ask = (example: Example) => {
    if (editor?.getValue().trim()) addTab();
    editor?.setValue(example.query);
    editor?.focus();
  };
  return (
    <section className="questions" aria-label={QUESTIONS}>
      <h2>{QUESTIONS}</h2>
      <p>Choose one, then press the play button. Change it as you like: it is yours.</p>
      <ul>
        {examples.map((example) => (
          <li key={example.title}>
            <button type="button" onClick={() => ask(example)}>
              {example.title}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Icon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" aria-hidden="true">
      <circle cx="12" cy="12" r="9" />
      <path d="M9.4 9.3a2.7 2.7 0 1 1 3.9 2.5c-.9.5-1.3 1-1.3 2" />
      <path d="M12 16.8v.1" />
    </svg>
  );
}
