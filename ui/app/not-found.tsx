import Link from "next/link";
import { Mark } from "@/components/brand";
import { Button } from "@/components/ui/button";
import { routes } from "@/lib/routes";

export default function NotFound() {
  return (
    <main className="grid min-h-dvh place-content-center justify-items-center gap-5 px-6 text-center">
      <Mark className="size-10" />
      <div className="grid gap-1">
        <h1 className="text-lg font-semibold tracking-tight">There is no such page</h1>
        <p className="text-[13px] text-muted-foreground">The address may be mistyped, or the page has moved.</p>
      </div>
      <Button asChild variant="outline">
        <Link href={routes.overview}>Go to the overview</Link>
      </Button>
    </main>
  );
}
