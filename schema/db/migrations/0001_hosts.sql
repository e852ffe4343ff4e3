CREATE TABLE "hosts" (
	"name" text PRIMARY KEY NOT NULL,
	"tenant_id" text NOT NULL,
	"identity" text NOT NULL,
	"machine" text NOT NULL,
	"pid" integer NOT NULL,
	"registered_at" timestamp with time zone DEFAULT now() NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL
);
