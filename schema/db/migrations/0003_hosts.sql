CREATE TABLE "places" (
	"tenant_id" text NOT NULL,
	"session_id" text NOT NULL,
	"mission_id" text NOT NULL,
	"task_id" text NOT NULL,
	"host" text NOT NULL,
	"runtime" text NOT NULL,
	"model" text,
	"account" text NOT NULL,
	"placed_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "places_tenant_id_session_id_pk" PRIMARY KEY("tenant_id","session_id")
);
--> statement-breakpoint
ALTER TABLE "hosts" ADD COLUMN "user" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "hosts" ADD COLUMN "version" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "hosts" ADD COLUMN "slots" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "hosts" ADD COLUMN "labels" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "hosts" ADD COLUMN "runtimes" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "hosts" ADD COLUMN "lease_seconds" integer;--> statement-breakpoint
ALTER TABLE "hosts" ADD COLUMN "state" text DEFAULT 'up' NOT NULL;--> statement-breakpoint
ALTER TABLE "hosts" ADD COLUMN "since" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "hosts" ADD COLUMN "outside" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "account" text;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "closed_until" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "places_task" ON "places" USING btree ("tenant_id","mission_id","task_id");--> statement-breakpoint
CREATE INDEX "sessions_closed" ON "sessions" USING btree ("tenant_id","account","closed_until") WHERE closed_until is not null;