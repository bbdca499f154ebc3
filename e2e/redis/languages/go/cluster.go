package main

import (
	"context"
	"os"
	"sort"
	"sync"

	"github.com/redis/go-redis/v9"
)

type clusterAnswer struct {
	Nodes   []string `json:"nodes"`
	Values  []string `json:"values"`
	Refused []string `json:"refused"`
	After   string   `json:"after"`
}

// go-redis's client of clusters.
func seeCluster(ctx context.Context, keys []string) clusterAnswer {
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs:    []string{os.Getenv("REDIS_ADDRESS")},
		Username: "agent",
		Password: os.Getenv("REDIS_TOKEN"),
	})
	defer client.Close()
	var seen clusterAnswer
	var lock sync.Mutex
	must(client.ForEachShard(ctx, func(_ context.Context, node *redis.Client) error {
		lock.Lock()
		defer lock.Unlock()
		seen.Nodes = append(seen.Nodes, node.Options().Addr)
		return nil
	}))
	sort.Strings(seen.Nodes)
	for _, key := range keys {
		must(client.Set(ctx, key, "at "+key, 0).Err())
	}
	for _, key := range keys {
		value, err := client.Get(ctx, key).Result()
		must(err)
		seen.Values = append(seen.Values, value)
		if err := client.Incr(ctx, key).Err(); err != nil {
			seen.Refused = append(seen.Refused, err.Error())
		}
	}
	var err error
	seen.After, err = client.Get(ctx, keys[0]).Result()
	must(err)
	return seen
}
