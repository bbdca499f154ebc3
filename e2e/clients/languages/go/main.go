// pgx: binary format, statements prepared and cached, batches in one pipeline.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

type answer struct {
	Rows    [][]any  `json:"rows"`
	Paged   []string `json:"paged"`
	Refused string   `json:"refused"`
	Detail  string   `json:"detail"`
	After   int64    `json:"after"`
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, "")
	must(err)
	defer conn.Close(ctx)
	var said answer
	for range 3 {
		var id int32
		var email, ssn string
		must(conn.QueryRow(ctx, "SELECT id, email, ssn FROM customers WHERE id = $1", 1).Scan(&id, &email, &ssn))
		said.Rows = append(said.Rows, []any{id, email, ssn})
	}
	rows, err := conn.Query(ctx, "SELECT ssn FROM customers ORDER BY id")
	must(err)
	said.Paged, err = pgx.CollectRows(rows, pgx.RowTo[string])
	must(err)
	batch := &pgx.Batch{}
	batch.Queue("UPDATE orders SET status = $1 WHERE id = $2", "asyncpg", 1)
	batch.Queue("UPDATE orders SET status = $1 WHERE id = $2", "many", 2)
	batch.Queue("UPDATE orders SET status = $1 WHERE id = $2", "many", 3)
	must(conn.SendBatch(ctx, batch).Close())
	_, err = conn.Exec(ctx, "DELETE FROM orders")
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		said.Refused, said.Detail = refused.Code, refused.Detail
	}
	must(conn.QueryRow(ctx, "SELECT count(*) FROM orders WHERE status IN ('asyncpg', 'many')").Scan(&said.After))
	must(json.NewEncoder(os.Stdout).Encode(said))
}
