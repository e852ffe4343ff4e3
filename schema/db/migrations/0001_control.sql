CREATE TABLE "audit" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"tenant_id" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"caller" text,
	"operation" text NOT NULL,
	"path" text NOT NULL,
	"idempotency_key" text,
	"body_hash" text NOT NULL,
	"status" integer
);
--> statement-breakpoint
CREATE TABLE "hosts" (
	"name" text PRIMARY KEY NOT NULL,
	"tenant_id" text NOT NULL,
	"identity" text NOT NULL,
	"machine" text NOT NULL,
	"pid" integer NOT NULL,
	"registered_at" timestamp with time zone DEFAULT now() NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"hash" text PRIMARY KEY NOT NULL,
	"tenant_id" text NOT NULL,
	"body_hash" text NOT NULL,
	"salt" text NOT NULL,
	"status" integer,
	"body" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
DROP INDEX "tasks_waiting";--> statement-breakpoint
DROP INDEX "missions_newest";--> statement-breakpoint
DROP INDEX "tokens_name";--> statement-breakpoint
ALTER TABLE "missions" ALTER COLUMN "file_hash" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "missions" ALTER COLUMN "created_by" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "missions" ALTER COLUMN "created_at" SET DATA TYPE timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "missions" ALTER COLUMN "created_at" SET DEFAULT now();--> statement-breakpoint
ALTER TABLE "tokens" ADD COLUMN "expires_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "tokens" ADD COLUMN "revoked_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "tokens" ADD COLUMN "last_used_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "audit_newest" ON "audit" USING btree ("tenant_id","id");--> statement-breakpoint
CREATE INDEX "audit_caller" ON "audit" USING btree ("tenant_id","caller","id");--> statement-breakpoint
CREATE INDEX "idempotency_keys_oldest" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "missions_status" ON "missions" USING btree ("tenant_id","status","created_at","id");--> statement-breakpoint
CREATE INDEX "missions_repository" ON "missions" USING btree ("tenant_id","repository_id","status","created_at","id");--> statement-breakpoint
CREATE INDEX "missions_address" ON "missions" USING btree ("tenant_id",(view -> 'repository' ->> 'address'));--> statement-breakpoint
CREATE INDEX "tasks_person" ON "tasks" USING btree ("tenant_id","mission_id") WHERE waits_for = 'person';--> statement-breakpoint
CREATE INDEX "missions_newest" ON "missions" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "tokens_name" ON "tokens" USING btree ("tenant_id","name") WHERE revoked_at is null;--> statement-breakpoint
ALTER TABLE "missions" DROP COLUMN "file";--> statement-breakpoint
UPDATE "missions" SET "view" = jsonb_set("view", '{paused}', 'null') WHERE NOT "view" ? 'paused';
