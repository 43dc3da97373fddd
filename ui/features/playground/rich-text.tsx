import { CopyButton } from "@/components/copy-button";

export interface Block {
  kind: "text" | "code";
  language: string;
  text: string;
}

const FENCE = /^```([\w+#.-]*)[^\n]*$/;

/** Splits an answer at its code fences. A fence that is still open, as while streaming, runs to the end. */
export function splitBlocks(answer: string): Block[] {
  const blocks: Block[] = [];
  let current: Block = { kind: "text", language: "", text: "" };
  const close = () => {
    const text = current.text.replace(/^\n+|\n+$/g, "");
    if (text !== "") blocks.push({ ...current, text });
  };
  for (const line of answer.split("\n")) {
    const fence = FENCE.exec(line);
    if (fence && (current.kind === "text" || fence[1] === "")) {
      close();
      const opens = current.kind === "text";
      current = { kind: opens ? "code" : "text", language: opens ? (fence[1] ?? "") : "", text: "" };
    } else {
      current.text += `${line}\n`;
    }
  }
  close();
  return blocks;
}

const MARKED = /(\*\*[^*\n]+\*\*|`[^`\n]+`)/;

/** Bold and code within a line, the two marks that hardly any answer goes without. */
function Inline({ text }: { text: string }) {
  return text.split(MARKED).map((part, index) => {
    // `split` puts what the pattern caught at the odd places
    if (index % 2 === 0) return part;
    if (part.startsWith("`")) {
      return (
        <code key={index} className="rounded bg-muted px-1 py-0.5 font-mono text-[0.88em]">
          {part.slice(1, -1)}
        </code>
      );
    }
    return <strong key={index}>{part.slice(2, -2)}</strong>;
  });
}

/** A model's answer as plain text with its code set apart. Nothing in it is ever treated as HTML. */
export function RichText({ text }: { text: string }) {
  return (
    <div className="grid gap-3 leading-relaxed">
      {splitBlocks(text).map((block, index) =>
        block.kind === "text" ? (
          <p key={index} className="break-words whitespace-pre-wrap">
            <Inline text={block.text} />
          </p>
        ) : (
          <figure key={index} className="min-w-0 overflow-hidden rounded-lg border bg-muted/50">
            <figcaption className="flex h-8 items-center justify-between border-b pr-0.5 pl-3 text-[11px] text-muted-foreground">
              {block.language || "code"}
              <CopyButton text={block.text} label="Copy code" className="size-7" />
            </figcaption>
            <pre className="scroll-thin overflow-x-auto px-3 py-2.5 font-mono text-xs">{block.text}</pre>
          </figure>
        ),
      )}
    </div>
  );
}
