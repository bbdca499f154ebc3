// go-redis: RESP3, pipelines, transactions, publish and subscribe; with REDIS_KEYS its client of clusters, with REDIS_MASTER that of
// Sentinels.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"
)

type answer struct {
	Hash    map[string]string `json:"hash"`
	Many    []any             `json:"many"`
	Refused string            `json:"refused"`
	Exec    []string          `json:"exec"`
	Heard   string            `json:"heard"`
	After   string            `json:"after"`
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	ctx := context.Background()
	if keys := os.Getenv("REDIS_KEYS"); keys != "" {
		must(json.NewEncoder(os.Stdout).Encode(seeCluster(ctx, strings.Split(keys, ","))))
		return
	}
	if master := os.Getenv("REDIS_MASTER"); master != "" {
		must(json.NewEncoder(os.Stdout).Encode(seeSentinel(ctx, master)))
		return
	}
	client := redis.NewClient(&redis.Options{
		Addr:     os.Getenv("REDIS_ADDRESS"),
		Username: "agent",
		Password: os.Getenv("REDIS_TOKEN"),
	})
	defer client.Close()
	var seen answer
	var err error
	seen.Hash, err = client.HGetAll(ctx, "customer:1").Result()
	must(err)
	seen.Many, err = client.MGet(ctx, "greeting", "session:1", "nothing").Result()
	must(err)
	if err := client.FlushAll(ctx).Err(); err != nil {
		seen.Refused = err.Error()
	}
	commands, err := client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Get(ctx, "greeting")
		pipe.Get(ctx, "session:1")
		return nil
	})
	must(err)
	for _, command := range commands {
		seen.Exec = append(seen.Exec, command.(*redis.StringCmd).Val())
	}
	pubsub := client.Subscribe(ctx, "session:news")
	defer pubsub.Close()
	_, err = pubsub.Receive(ctx)
	must(err)
	must(client.Publish(ctx, "session:news", "token-of-a-session").Err())
	message, err := pubsub.ReceiveMessage(ctx)
	must(err)
	seen.Heard = message.Payload
	seen.After, err = client.Get(ctx, "greeting").Result()
	must(err)
	must(json.NewEncoder(os.Stdout).Encode(seen))
}
