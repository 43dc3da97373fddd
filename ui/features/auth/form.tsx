"use client";

import { Eye, EyeOff } from "lucide-react";
import { useState, type FormEvent } from "react";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { signInMessage, useSignIn } from "./api";

const DEFAULT_USERNAME = "admin";

export function LoginForm({ onSignedIn }: { onSignedIn: () => void }) {
  const [username, setUsername] = useState(DEFAULT_USERNAME);
  const [password, setPassword] = useState("");
  const [shown, setShown] = useState(false);
  const signIn = useSignIn();

  function submit(event: FormEvent) {
    event.preventDefault();
    signIn.mutate({ username: username.trim(), password }, { onSuccess: onSignedIn });
  }

  return (
    <form onSubmit={submit} className="grid gap-5">
      <Field label="Username">
        {(control) => (
          <Input
            {...control}
            data-testid="login-username"
            autoComplete="username"
            required
            value={username}
            onChange={(event) => setUsername(event.target.value)}
          />
        )}
      </Field>
      <Field
        label="Password"
        hint="The master key, unless UI_PASSWORD is set."
        error={signIn.error ? signInMessage(signIn.error) : undefined}
      >
        {(control) => (
          <div className="relative">
            <Input
              {...control}
              data-testid="login-password"
              type={shown ? "text" : "password"}
              autoComplete="current-password"
              autoFocus
              required
              className="pr-10"
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
            <button
              type="button"
              aria-label={shown ? "Hide the password" : "Show the password"}
              aria-pressed={shown}
              onClick={() => setShown(!shown)}
              className="absolute top-1/2 right-1 grid size-7 -translate-y-1/2 place-items-center rounded text-muted-foreground outline-none hover:text-foreground focus-visible:ring-2 focus-visible:ring-ring/70"
            >
              {shown ? <EyeOff className="size-4" aria-hidden /> : <Eye className="size-4" aria-hidden />}
            </button>
          </div>
        )}
      </Field>
      <Button type="submit" busy={signIn.isPending} data-testid="login-submit" className="w-full">
        Sign in
      </Button>
    </form>
  );
}
