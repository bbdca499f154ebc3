package main

import (
	"context"
	"os"

	"github.com/redis/go-redis/v9"
)

type sentinelAnswer struct {
	Written string `json:"written"`
	Read    string `json:"read"`
	Refused string `json:"refused"`
	After   string `json:"after"`
}

// go-redis's clients of a master and of replicas that a Sentinel knows.
func seeSentinel(ctx context.Context, master string) sentinelAnswer {
	options := redis.FailoverOptions{
		MasterName:       master,
		SentinelAddrs:    []string{os.Getenv("REDIS_ADDRESS")},
		SentinelUsername: "agent",
		SentinelPassword: os.Getenv("REDIS_TOKEN"),
		Username:         "agent",
		Password:         os.Getenv("REDIS_TOKEN"),
	}
	client := redis.NewFailoverClient(&options)
	defer client.Close()
	var seen sentinelAnswer
	must(client.Set(ctx, "by-go", "card 4111111111111111", 0).Err())
	must(client.Wait(ctx, 1, 0).Err())
	var err error
	seen.Written, err = client.Get(ctx, "by-go").Result()
	must(err)
	options.ReplicaOnly = true
	replica := redis.NewFailoverClient(&options)
	defer replica.Close()
	seen.Read, err = replica.Get(ctx, "by-go").Result()
	must(err)
	if err := client.Incr(ctx, "by-go").Err(); err != nil {
		seen.Refused = err.Error()
	}
	seen.After, err = client.Get(ctx, "by-go").Result()
	must(err)
	return seen
}
