import type { ReactNode } from "react";
import { Mark, Wordmark } from "@/components/brand";
import { ThemeToggle } from "@/components/shell/theme-toggle";

/** What a visitor sees who is not signed in. */
export function Door({ title, note, children }: { title: string; note: string; children: ReactNode }) {
  return (
    <main className="grid min-h-dvh lg:grid-cols-[minmax(0,1fr)_minmax(0,1.1fr)]">
      <div className="flex flex-col px-6 py-5 sm:px-10">
        <header className="flex items-center justify-between">
          <Wordmark />
          <ThemeToggle />
        </header>
        <div className="mx-auto my-auto grid w-full max-w-sm gap-7 py-12">
          <div className="grid gap-1.5">
            <h1 className="text-2xl font-semibold tracking-[-0.025em]">{title}</h1>
            <p className="text-[13px] text-muted-foreground">{note}</p>
          </div>
          {children}
        </div>
      </div>
      <Hull />
    </main>
  );
}

/** The brand panel: the mark, large, as a ship's section on a drafting grid. */
function Hull() {
  return (
    <aside
      aria-hidden
      className="relative hidden overflow-hidden border-l bg-[oklch(0.215_0.03_238)] text-[oklch(0.95_0.01_220)] lg:block"
    >
      <div className="absolute inset-0 opacity-60 [background-image:linear-gradient(oklch(1_0_0/0.045)_1px,transparent_1px),linear-gradient(90deg,oklch(1_0_0/0.045)_1px,transparent_1px)] [background-size:44px_44px]" />
      <div className="absolute inset-0 bg-[radial-gradient(60%_55%_at_65%_35%,oklch(0.55_0.1_192/0.35),transparent)]" />
      <Mark className="absolute top-1/2 left-1/2 size-[min(62%,26rem)] -translate-x-1/2 -translate-y-[58%] opacity-95 [--brand:oklch(0.74_0.115_190)]" />
      <p className="absolute inset-x-12 bottom-12 max-w-md text-[15px] leading-relaxed text-[oklch(0.86_0.015_220)]">
        One compartment may flood. The ship sails on: whatever happens to the control plane, requests to your models keep
        flowing.
      </p>
    </aside>
  );
}
