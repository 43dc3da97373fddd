"use client";

import { useState, type FormEvent } from "react";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { signInMessage, useSignIn } from "./api";
import { PasswordInput } from "./password-input";

const DEFAULT_USERNAME = "admin";

export function LoginForm({ onSignedIn }: { onSignedIn: () => void }) {
  const [username, setUsername] = useState(DEFAULT_USERNAME);
  const [password, setPassword] = useState("");
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
          <PasswordInput
            {...control}
            data-testid="login-password"
            autoComplete="current-password"
            autoFocus
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" busy={signIn.isPending} data-testid="login-submit" className="w-full">
        Sign in
      </Button>
    </form>
  );
}
