"use client";

import { TriangleAlert } from "lucide-react";
import { useState } from "react";
import { CopyButton } from "@/components/copy-button";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogDescription, DialogFooter, DialogHeader, DialogTitle } from "@/components/ui/dialog";
import { under } from "@/lib/prefix";
import { useCreateKey } from "./api";
import { KeyForm } from "./form";
import { EMPTY_DRAFT, EXPIRIES, toCreateBody } from "./schema";

interface CreateKeyProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

/** Two steps in one dialog: the form, then the new key, which is shown this one time only. */
export function CreateKeyDialog({ open, onOpenChange }: CreateKeyProps) {
  const create = useCreateKey();
  const [secret, setSecret] = useState<string | null>(null);

  function close() {
    onOpenChange(false);
    setSecret(null);
    create.reset();
  }

  return (
    <Dialog open={open} onOpenChange={(next) => (next ? onOpenChange(true) : close())}>
      <DialogContent
        closable={secret === null}
        // a slip of the mouse must not throw away a key that cannot be shown again
        onInteractOutside={(event) => secret !== null && event.preventDefault()}
        onEscapeKeyDown={(event) => secret !== null && event.preventDefault()}
      >
        {secret === null ? (
          <>
            <DialogHeader>
              <DialogTitle>Create a key</DialogTitle>
              <DialogDescription>For one application or person, with bounds of its own.</DialogDescription>
            </DialogHeader>
            <KeyForm
              initial={EMPTY_DRAFT}
              expiries={EXPIRIES}
              toBody={toCreateBody}
              submitLabel="Create key"
              busy={create.isPending}
              refusal={create.error?.message}
              onSubmit={(body) => create.mutate(body, { onSuccess: (answer) => setSecret(answer.key) })}
            />
          </>
        ) : (
          <NewSecret secret={secret} onDone={close} />
        )}
      </DialogContent>
    </Dialog>
  );
}

function NewSecret({ secret, onDone }: { secret: string; onDone: () => void }) {
  return (
    <>
      <DialogHeader>
        <DialogTitle>Your new key</DialogTitle>
        <DialogDescription>It works at once, as a bearer token on every endpoint it may call.</DialogDescription>
      </DialogHeader>
      <div className="grid gap-4 px-6 pb-6">
        <div className="flex items-center gap-2 rounded-lg border border-dashed border-brand/50 bg-brand-soft/60 p-2 pl-3.5">
          <code data-testid="key-secret" className="min-w-0 flex-1 font-mono text-[13px] break-all select-all">
            {secret}
          </code>
          <CopyButton text={secret} label="Copy" labelled size="sm" data-testid="key-copy" />
        </div>
        <FirstCall secret={secret} />
        <p className="flex gap-2.5 text-xs leading-relaxed text-muted-foreground">
          <TriangleAlert className="mt-0.5 size-3.5 shrink-0 text-warning" aria-hidden />
          Copy it now. Only a hash of it is stored, so it cannot be shown again; whoever has it spends on its account.
        </p>
      </div>
      <DialogFooter>
        <Button onClick={onDone} data-testid="key-done">
          Done
        </Button>
      </DialogFooter>
    </>
  );
}

/** A first call, ready to be pasted into a shell. */
function FirstCall({ secret }: { secret: string }) {
  const command = `curl ${window.location.origin}${under("/v1/models")} -H "Authorization: Bearer ${secret}"`;
  return (
    <div className="grid gap-1.5">
      <span className="text-xs font-medium text-muted-foreground">Try it</span>
      <div className="flex items-start gap-1 rounded-lg border bg-muted/50 py-1 pr-1 pl-3.5">
        <code className="min-w-0 flex-1 py-1.5 font-mono text-xs leading-relaxed break-all">{command}</code>
        <CopyButton text={command} label="Copy the command" />
      </div>
    </div>
  );
}
