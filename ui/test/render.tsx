import { QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactNode } from "react";
import { TooltipProvider } from "@/components/ui/tooltip";
import { makeQueryClient } from "@/lib/query";

/** Renders a room at an address, with what the root layout gives it. */
export function renderAt(url: string, room: ReactNode) {
  window.history.replaceState(null, "", url);
  const user = userEvent.setup();
  const view = render(
    <QueryClientProvider client={makeQueryClient()}>
      <TooltipProvider>{room}</TooltipProvider>
    </QueryClientProvider>,
  );
  return { user, ...view };
}
