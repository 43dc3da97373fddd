"use client";

import { MessagesSquare, SlidersHorizontal, SquarePen } from "lucide-react";
import { useState } from "react";
import { EmptyState } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Sheet, SheetContent, SheetTitle } from "@/components/ui/sheet";
import { useModels } from "@/features/models/api";
import { useDebounced } from "@/lib/use-debounced";
import { useUrlState } from "@/lib/url-state";
import { useAskableModels, useSessionKey } from "./api";
import { Composer } from "./composer";
import { DEFAULT_SETTINGS, playgroundCodec, type Settings } from "./schema";
import { SettingsPanel } from "./settings";
import { Transcript } from "./transcript";
import { useChat } from "./use-chat";

const PASTE_SETTLE_MS = 400;

export function PlaygroundView() {
  const [filters, setFilters] = useUrlState(playgroundCodec);
  const [settings, setSettings] = useState<Settings>(DEFAULT_SETTINGS);
  const [panelOpen, setPanelOpen] = useState(false);
  const chat = useChat();
  const session = useSessionKey();
  const pasted = useDebounced(settings.pastedKey.trim(), PASTE_SETTLE_MS);
  const key = pasted === "" ? session.data : pasted;
  const names = useAskableModels(key);
  const details = useModels();

  const options = names.data ?? [];
  const model = filters.model || options.find((name) => !name.includes("*")) || "";
  const keyError = (pasted === "" ? session.error?.message : undefined) ?? names.error?.message;

  async function renewSessionKey(): Promise<string> {
    return (await session.refetch({ throwOnError: true })).data ?? "";
  }
  const renewKey = pasted === "" ? renewSessionKey : null;

  function blockedBy(): string | null {
    if (keyError) return "The key is not accepted: see the settings.";
    if (!key) return "Fetching a session key…";
    return model === "" ? "Choose a model first." : null;
  }

  const panel = (
    <SettingsPanel
      models={options}
      loading={names.isPending && !keyError}
      model={model}
      onModel={(next) => setFilters({ model: next })}
      settings={settings}
      onSettings={(patch) => setSettings({ ...settings, ...patch })}
      keyError={keyError}
    />
  );

  return (
    <div className="flex h-[calc(100dvh-3.5rem)] min-h-0">
      <section aria-label="Conversation" className="flex min-w-0 flex-1 flex-col">
        <header className="flex items-center gap-2 px-4 pt-4 sm:px-6">
          <h1 className="text-xl font-semibold tracking-[-0.02em]">Playground</h1>
          <div className="ml-auto flex gap-1.5">
            {chat.turns.length > 0 && (
              <Button variant="outline" size="sm" onClick={chat.clear} data-testid="playground-clear">
                <SquarePen aria-hidden />
                New chat
              </Button>
            )}
            <Button variant="outline" size="sm" className="lg:hidden" onClick={() => setPanelOpen(true)}>
              <SlidersHorizontal aria-hidden />
              Settings
            </Button>
          </div>
        </header>
        {chat.turns.length === 0 ? (
          <EmptyState icon={MessagesSquare} title="Ask a model" className="my-auto">
            The answer streams through the gateway as it would for your application, with its tokens, cost and time to
            first token beneath.
          </EmptyState>
        ) : (
          <Transcript turns={chat.turns} models={details.data ?? []} />
        )}
        <Composer
          busy={chat.busy}
          blocked={blockedBy()}
          onSend={(question) => void chat.ask({ question, model, key: key ?? "", renewKey, settings })}
          onStop={chat.stop}
        />
      </section>
      <aside
        aria-label="Settings"
        className="scroll-thin hidden w-80 shrink-0 overflow-y-auto border-l bg-sidebar px-5 py-5 lg:block"
      >
        {panel}
      </aside>
      <Sheet open={panelOpen} onOpenChange={setPanelOpen}>
        <SheetContent className="max-w-sm overflow-y-auto p-5 lg:hidden" aria-describedby={undefined}>
          <SheetTitle className="mb-5 text-base font-semibold">Settings</SheetTitle>
          {panel}
        </SheetContent>
      </Sheet>
    </div>
  );
}
