"use client";

import { Combobox } from "@/components/combobox";
import { Field } from "@/components/ui/field";
import { Input, Textarea } from "@/components/ui/input";
import type { Settings } from "./schema";

interface SettingsPanelProps {
  models: string[];
  loading: boolean;
  model: string;
  onModel: (model: string) => void;
  settings: Settings;
  onSettings: (patch: Partial<Settings>) => void;
  /** What is wrong with the key in use, if anything. */
  keyError: string | undefined;
}

export function SettingsPanel(props: SettingsPanelProps) {
  const { models, loading, model, onModel, settings, onSettings, keyError } = props;
  return (
    <div className="grid gap-5">
      <Field label="Model">
        {(control) => (
          <Combobox
            {...control}
            data-testid="playground-model"
            options={models}
            value={model}
            onChange={onModel}
            placeholder={loading ? "Loading…" : "Choose a model"}
            searchLabel="Search models"
          />
        )}
      </Field>
      <Field label="System prompt" optional>
        {(control) => (
          <Textarea
            {...control}
            data-testid="playground-system"
            rows={4}
            placeholder="You are a concise assistant."
            value={settings.system}
            onChange={(event) => onSettings({ system: event.target.value })}
          />
        )}
      </Field>
      <div className="grid grid-cols-2 gap-3">
        <Field label="Temperature">
          {(control) => (
            <Input
              {...control}
              type="number"
              min={0}
              max={2}
              step={0.1}
              placeholder="Default"
              value={settings.temperature}
              onChange={(event) => onSettings({ temperature: event.target.value })}
            />
          )}
        </Field>
        <Field label="Max tokens">
          {(control) => (
            <Input
              {...control}
              type="number"
              min={1}
              step={1}
              placeholder="Default"
              value={settings.maxTokens}
              onChange={(event) => onSettings({ maxTokens: event.target.value })}
            />
          )}
        </Field>
      </div>
      <Field
        label="Key"
        optional
        error={keyError}
        hint="Without one, a short-lived key of your session is used. A pasted key stays in this page's memory."
      >
        {(control) => (
          <Input
            {...control}
            data-testid="playground-key"
            type="password"
            autoComplete="off"
            placeholder="Session key"
            value={settings.pastedKey}
            onChange={(event) => onSettings({ pastedKey: event.target.value })}
          />
        )}
      </Field>
    </div>
  );
}
