"use client";

import { useRouter, useSearchParams } from "next/navigation";
import { afterLogin } from "@/lib/routes";
import { Door } from "./door";
import { LoginForm } from "./form";

export function LoginView() {
  const router = useRouter();
  const next = afterLogin(useSearchParams().get("next"));
  return (
    <Door title="Welcome aboard" note="Sign in to manage keys, models and spend.">
      <LoginForm onSignedIn={() => router.replace(next)} />
    </Door>
  );
}
