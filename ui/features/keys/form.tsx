"use client";

import { useState, type FormEvent } from "react";
import { ModelPicker } from "@/components/model-picker";
import { Button } from "@/components/ui/button";
import { DialogClose, DialogFooter } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Textarea } from "@/components/ui/input";
import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from "@/components/ui/select";
import { useModelNames } from "@/features/models/api";
import type { Checked, DraftErrors, Expiry, KeyBody, KeyDraft } from "./schema";

interface KeyFormProps {
  initial: KeyDraft;
  expiries: readonly { value: Expiry; label: string }[];
  /** The request of a draft, or what is wrong with it. */
  toBody: (draft: KeyDraft) => Checked;
  submitLabel: string;
  busy: boolean;
  /** What the server had against the last try. */
  refusal: string | undefined;
  onSubmit: (body: KeyBody) => void;
}

/** What a key is called and what bounds it; the same for a new key and for one that is changed. */
export function KeyForm({ initial, expiries, toBody, submitLabel, busy, refusal, onSubmit }: KeyFormProps) {
  const [draft, setDraft] = useState<KeyDraft>(initial);
  const [errors, setErrors] = useState<DraftErrors>({});
  const models = useModelNames();

  function edit(patch: Partial<KeyDraft>) {
    setDraft({ ...draft, ...patch });
    setErrors({});
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    const result = toBody(draft);
    if ("errors" in result) setErrors(result.errors);
    else onSubmit(result.body);
  }

  return (
    <form onSubmit={submit} noValidate>
      <div className="grid gap-5 px-6 pb-6">
        <Field label="Name" error={errors.alias ?? refusal}>
          {(control) => (
            <Input
              {...control}
              data-testid="key-alias"
              autoFocus
              autoComplete="off"
              placeholder="search-service"
              value={draft.alias}
              onChange={(event) => edit({ alias: event.target.value })}
            />
          )}
        </Field>
        <Field label="Models" optional hint="Without a choice, the key may call every model.">
          {(control) => (
            <ModelPicker
              {...control}
              data-testid="key-models"
              options={models.data ?? []}
              value={draft.models}
              onChange={(next) => edit({ models: next })}
              placeholder="All models"
            />
          )}
        </Field>
        <div className="grid gap-5 sm:grid-cols-2">
          <Field label="Expires">
            {(control) => (
              <Select value={draft.expiry} onValueChange={(value) => edit({ expiry: value as Expiry })}>
                <SelectTrigger {...control} data-testid="key-expiry">
                  <SelectValue />
                </SelectTrigger>
                <SelectContent>
                  {expiries.map((expiry) => (
                    <SelectItem key={expiry.value} value={expiry.value}>
                      {expiry.label}
                    </SelectItem>
                  ))}
                </SelectContent>
              </Select>
            )}
          </Field>
          <Field label="Max budget" optional error={errors.budget}>
            {(control) => (
              <div className="relative">
                <span className="absolute top-1/2 left-3 -translate-y-1/2 text-[13px] text-muted-foreground" aria-hidden>
                  $
                </span>
                <Input
                  {...control}
                  data-testid="key-budget"
                  inputMode="decimal"
                  autoComplete="off"
                  placeholder="No limit"
                  className="pl-6.5"
                  value={draft.budget}
                  onChange={(event) => edit({ budget: event.target.value })}
                />
              </div>
            )}
          </Field>
        </div>
        <Field label="Metadata" optional error={errors.metadata}>
          {(control) => (
            <Textarea
              {...control}
              data-testid="key-metadata"
              spellCheck={false}
              rows={3}
              placeholder={'{"team": "search"}'}
              className="font-mono text-xs"
              value={draft.metadata}
              onChange={(event) => edit({ metadata: event.target.value })}
            />
          )}
        </Field>
      </div>
      <DialogFooter>
        <DialogClose asChild>
          <Button variant="outline">Cancel</Button>
        </DialogClose>
        <Button type="submit" busy={busy} data-testid="key-submit">
          {submitLabel}
        </Button>
      </DialogFooter>
    </form>
  );
}
