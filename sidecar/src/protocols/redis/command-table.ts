/**
 * The commands of Redis 7.0 and of its Sentinel as their own COMMAND tells them, for servers whose account may not ask. A line: the name, a bar before
 * a subcommand; its ACL categories; its key specifications as `access:begin:find`. Access is `r`, `w` or both, with `!` for one that is not whole and
 * `~` for what is no key. Begin is an index, or `keyword@from`; find is `last,step,limit` or `#count,first,step`; a question mark is an unknown one.
 */
export const COMMAND_TABLE = `
ACL|CAT slow
ACL|DELUSER admin,slow,dangerous
ACL|DRYRUN admin,slow,dangerous
ACL|GENPASS slow
ACL|GETUSER admin,slow,dangerous
ACL|LIST admin,slow,dangerous
ACL|LOAD admin,slow,dangerous
ACL|LOG admin,slow,dangerous
ACL|SAVE admin,slow,dangerous
ACL|SETUSER admin,slow,dangerous
ACL|USERS admin,slow,dangerous
ACL|WHOAMI slow
APPEND write,string,fast w:1:0,1,0
ASKING fast,connection
AUTH fast,connection
BGREWRITEAOF admin,slow,dangerous
BGSAVE admin,slow,dangerous
BITCOUNT read,bitmap,slow r:1:0,1,0
BITFIELD write,bitmap,slow rw:1:0,1,0
BITFIELD_RO read,bitmap,fast r:1:0,1,0
BITOP write,bitmap,slow w:2:0,1,0 r:3:-1,1,0
BITPOS read,bitmap,slow r:1:0,1,0
BLMOVE write,list,slow,blocking rw:1:0,1,0 w:2:0,1,0
BLMPOP write,list,slow,blocking rw:2:#0,1,1
BLPOP write,list,slow,blocking rw:1:-2,1,0
BRPOP write,list,slow,blocking rw:1:-2,1,0
BRPOPLPUSH write,list,slow,blocking rw:1:0,1,0 w:2:0,1,0
BZMPOP write,sortedset,slow,blocking rw:2:#0,1,1
BZPOPMAX write,sortedset,fast,blocking rw:1:-2,1,0
BZPOPMIN write,sortedset,fast,blocking rw:1:-2,1,0
CLIENT|CACHING slow,connection
CLIENT|GETNAME slow,connection
CLIENT|GETREDIR slow,connection
CLIENT|ID slow,connection
CLIENT|INFO slow,connection
CLIENT|KILL admin,slow,dangerous,connection
CLIENT|LIST admin,slow,dangerous,connection
CLIENT|NO-EVICT admin,slow,dangerous,connection
CLIENT|PAUSE admin,slow,dangerous,connection
CLIENT|REPLY slow,connection
CLIENT|SETNAME slow,connection
CLIENT|TRACKING slow,connection
CLIENT|TRACKINGINFO slow,connection
CLIENT|UNBLOCK admin,slow,dangerous,connection
CLIENT|UNPAUSE admin,slow,dangerous,connection
CLUSTER|ADDSLOTS admin,slow,dangerous
CLUSTER|ADDSLOTSRANGE admin,slow,dangerous
CLUSTER|BUMPEPOCH admin,slow,dangerous
CLUSTER|COUNT-FAILURE-REPORTS admin,slow,dangerous
CLUSTER|COUNTKEYSINSLOT slow
CLUSTER|DELSLOTS admin,slow,dangerous
CLUSTER|DELSLOTSRANGE admin,slow,dangerous
CLUSTER|FAILOVER admin,slow,dangerous
CLUSTER|FLUSHSLOTS admin,slow,dangerous
CLUSTER|FORGET admin,slow,dangerous
CLUSTER|GETKEYSINSLOT slow
CLUSTER|INFO slow
CLUSTER|KEYSLOT slow
CLUSTER|LINKS slow
CLUSTER|MEET admin,slow,dangerous
CLUSTER|MYID slow
CLUSTER|NODES slow
CLUSTER|REPLICAS admin,slow,dangerous
CLUSTER|REPLICATE admin,slow,dangerous
CLUSTER|RESET admin,slow,dangerous
CLUSTER|SAVECONFIG admin,slow,dangerous
CLUSTER|SET-CONFIG-EPOCH admin,slow,dangerous
CLUSTER|SETSLOT admin,slow,dangerous
CLUSTER|SHARDS slow
CLUSTER|SLAVES admin,slow,dangerous
CLUSTER|SLOTS slow
COMMAND slow,connection
COMMAND|COUNT slow,connection
COMMAND|DOCS slow,connection
COMMAND|GETKEYS slow,connection
COMMAND|GETKEYSANDFLAGS slow,connection
COMMAND|INFO slow,connection
COMMAND|LIST slow,connection
CONFIG|GET admin,slow,dangerous
CONFIG|RESETSTAT admin,slow,dangerous
CONFIG|REWRITE admin,slow,dangerous
CONFIG|SET admin,slow,dangerous
COPY keyspace,write,slow r:1:0,1,0 w:2:0,1,0
DBSIZE keyspace,read,fast
DEBUG admin,slow,dangerous
DECR write,string,fast rw:1:0,1,0
DECRBY write,string,fast rw:1:0,1,0
DEL keyspace,write,slow w:1:-1,1,0
DISCARD fast,transaction
DUMP keyspace,read,slow r:1:0,1,0
ECHO fast,connection
EVAL slow,scripting rw:2:#0,1,1
EVALSHA slow,scripting rw:2:#0,1,1
EVALSHA_RO slow,scripting r:2:#0,1,1
EVAL_RO slow,scripting r:2:#0,1,1
EXEC slow,transaction
EXISTS keyspace,read,fast r:1:-1,1,0
EXPIRE keyspace,write,fast w:1:0,1,0
EXPIREAT keyspace,write,fast w:1:0,1,0
EXPIRETIME keyspace,read,fast r:1:0,1,0
FAILOVER admin,slow,dangerous
FCALL slow,scripting rw:2:#0,1,1
FCALL_RO slow,scripting r:2:#0,1,1
FLUSHALL keyspace,write,slow,dangerous
FLUSHDB keyspace,write,slow,dangerous
FUNCTION|DELETE write,slow,scripting
FUNCTION|DUMP slow,scripting
FUNCTION|FLUSH write,slow,scripting
FUNCTION|KILL slow,scripting
FUNCTION|LIST slow,scripting
FUNCTION|LOAD write,slow,scripting
FUNCTION|RESTORE write,slow,scripting
FUNCTION|STATS slow,scripting
GEOADD write,geo,slow w:1:0,1,0
GEODIST read,geo,slow r:1:0,1,0
GEOHASH read,geo,slow r:1:0,1,0
GEOPOS read,geo,slow r:1:0,1,0
GEORADIUS write,geo,slow r:1:0,1,0 w:STORE@6:0,1,0 w:STOREDIST@6:0,1,0
GEORADIUSBYMEMBER write,geo,slow r:1:0,1,0 w:STORE@5:0,1,0 w:STOREDIST@5:0,1,0
GEORADIUSBYMEMBER_RO read,geo,slow r:1:0,1,0
GEORADIUS_RO read,geo,slow r:1:0,1,0
GEOSEARCH read,geo,slow r:1:0,1,0
GEOSEARCHSTORE write,geo,slow w:1:0,1,0 r:2:0,1,0
GET read,string,fast r:1:0,1,0
GETBIT read,bitmap,fast r:1:0,1,0
GETDEL write,string,fast rw:1:0,1,0
GETEX write,string,fast rw:1:0,1,0
GETRANGE read,string,slow r:1:0,1,0
GETSET write,string,fast rw:1:0,1,0
HDEL write,hash,fast w:1:0,1,0
HELLO fast,connection
HEXISTS read,hash,fast r:1:0,1,0
HGET read,hash,fast r:1:0,1,0
HGETALL read,hash,slow r:1:0,1,0
HINCRBY write,hash,fast rw:1:0,1,0
HINCRBYFLOAT write,hash,fast rw:1:0,1,0
HKEYS read,hash,slow r:1:0,1,0
HLEN read,hash,fast r:1:0,1,0
HMGET read,hash,fast r:1:0,1,0
HMSET write,hash,fast w:1:0,1,0
HRANDFIELD read,hash,slow r:1:0,1,0
HSCAN read,hash,slow r:1:0,1,0
HSET write,hash,fast w:1:0,1,0
HSETNX write,hash,fast w:1:0,1,0
HSTRLEN read,hash,fast r:1:0,1,0
HVALS read,hash,slow r:1:0,1,0
INCR write,string,fast rw:1:0,1,0
INCRBY write,string,fast rw:1:0,1,0
INCRBYFLOAT write,string,fast rw:1:0,1,0
INFO slow,dangerous
KEYS keyspace,read,slow,dangerous
LASTSAVE admin,fast,dangerous
LATENCY|DOCTOR admin,slow,dangerous
LATENCY|GRAPH admin,slow,dangerous
LATENCY|HISTOGRAM admin,slow,dangerous
LATENCY|HISTORY admin,slow,dangerous
LATENCY|LATEST admin,slow,dangerous
LATENCY|RESET admin,slow,dangerous
LCS read,string,slow r:1:1,1,0
LINDEX read,list,slow r:1:0,1,0
LINSERT write,list,slow w:1:0,1,0
LLEN read,list,fast r:1:0,1,0
LMOVE write,list,slow rw:1:0,1,0 w:2:0,1,0
LMPOP write,list,slow rw:1:#0,1,1
LOLWUT read,fast
LPOP write,list,fast rw:1:0,1,0
LPOS read,list,slow r:1:0,1,0
LPUSH write,list,fast w:1:0,1,0
LPUSHX write,list,fast w:1:0,1,0
LRANGE read,list,slow r:1:0,1,0
LREM write,list,slow w:1:0,1,0
LSET write,list,slow w:1:0,1,0
LTRIM write,list,slow w:1:0,1,0
MEMORY|DOCTOR slow
MEMORY|MALLOC-STATS slow
MEMORY|PURGE slow
MEMORY|STATS slow
MEMORY|USAGE read,slow r:2:0,1,0
MGET read,string,fast r:1:-1,1,0
MIGRATE keyspace,write,slow,dangerous rw:3:0,1,0 rw!:KEYS@-2:-1,1,0
MODULE|LIST admin,slow,dangerous
MODULE|LOAD admin,slow,dangerous
MODULE|LOADEX admin,slow,dangerous
MODULE|UNLOAD admin,slow,dangerous
MONITOR admin,slow,dangerous
MOVE keyspace,write,fast rw:1:0,1,0
MSET write,string,slow w:1:-1,2,0
MSETNX write,string,slow w:1:-1,2,0
MULTI fast,transaction
OBJECT|ENCODING keyspace,read,slow r:2:0,1,0
OBJECT|FREQ keyspace,read,slow r:2:0,1,0
OBJECT|IDLETIME keyspace,read,slow r:2:0,1,0
OBJECT|REFCOUNT keyspace,read,slow r:2:0,1,0
PERSIST keyspace,write,fast w:1:0,1,0
PEXPIRE keyspace,write,fast w:1:0,1,0
PEXPIREAT keyspace,write,fast w:1:0,1,0
PEXPIRETIME keyspace,read,fast r:1:0,1,0
PFADD write,hyperloglog,fast w:1:0,1,0
PFCOUNT read,hyperloglog,slow rw:1:-1,1,0
PFDEBUG write,hyperloglog,admin,slow,dangerous rw:2:0,1,0
PFMERGE write,hyperloglog,slow rw:1:0,1,0 r:2:-1,1,0
PFSELFTEST hyperloglog,admin,slow,dangerous
PING fast,connection
PSETEX write,string,slow w:1:0,1,0
PSUBSCRIBE pubsub,slow
PSYNC admin,slow,dangerous
PTTL keyspace,read,fast r:1:0,1,0
PUBLISH pubsub,fast
PUBSUB|CHANNELS pubsub,slow
PUBSUB|NUMPAT pubsub,slow
PUBSUB|NUMSUB pubsub,slow
PUBSUB|SHARDCHANNELS pubsub,slow
PUBSUB|SHARDNUMSUB pubsub,slow
PUNSUBSCRIBE pubsub,slow
QUIT fast,connection
RANDOMKEY keyspace,read,slow
READONLY fast,connection
READWRITE fast,connection
RENAME keyspace,write,slow rw:1:0,1,0 w:2:0,1,0
RENAMENX keyspace,write,fast rw:1:0,1,0 w:2:0,1,0
REPLCONF admin,slow,dangerous
REPLICAOF admin,slow,dangerous
RESET fast,connection
RESTORE keyspace,write,slow,dangerous w:1:0,1,0
RESTORE-ASKING keyspace,write,slow,dangerous w:1:0,1,0
ROLE admin,fast,dangerous
RPOP write,list,fast rw:1:0,1,0
RPOPLPUSH write,list,slow rw:1:0,1,0 w:2:0,1,0
RPUSH write,list,fast w:1:0,1,0
RPUSHX write,list,fast w:1:0,1,0
SADD write,set,fast w:1:0,1,0
SAVE admin,slow,dangerous
SCAN keyspace,read,slow
SCARD read,set,fast r:1:0,1,0
SCRIPT|DEBUG slow,scripting
SCRIPT|EXISTS slow,scripting
SCRIPT|FLUSH slow,scripting
SCRIPT|KILL slow,scripting
SCRIPT|LOAD slow,scripting
SDIFF read,set,slow r:1:-1,1,0
SDIFFSTORE write,set,slow w:1:0,1,0 r:2:-1,1,0
SELECT fast,connection
SENTINEL|CKQUORUM admin,slow,dangerous
SENTINEL|CONFIG admin,slow,dangerous
SENTINEL|DEBUG admin,slow,dangerous
SENTINEL|FAILOVER admin,slow,dangerous
SENTINEL|FLUSHCONFIG admin,slow,dangerous
SENTINEL|GET-MASTER-ADDR-BY-NAME admin,slow,dangerous
SENTINEL|INFO-CACHE admin,slow,dangerous
SENTINEL|IS-MASTER-DOWN-BY-ADDR admin,slow,dangerous
SENTINEL|MASTER admin,slow,dangerous
SENTINEL|MASTERS admin,slow,dangerous
SENTINEL|MONITOR admin,slow,dangerous
SENTINEL|MYID admin,slow,dangerous
SENTINEL|PENDING-SCRIPTS admin,slow,dangerous
SENTINEL|REMOVE admin,slow,dangerous
SENTINEL|REPLICAS admin,slow,dangerous
SENTINEL|RESET admin,slow,dangerous
SENTINEL|SENTINELS admin,slow,dangerous
SENTINEL|SET admin,slow,dangerous
SENTINEL|SIMULATE-FAILURE admin,slow,dangerous
SENTINEL|SLAVES admin,slow,dangerous
SET write,string,slow rw:1:0,1,0
SETBIT write,bitmap,slow rw:1:0,1,0
SETEX write,string,slow w:1:0,1,0
SETNX write,string,fast w:1:0,1,0
SETRANGE write,string,slow w:1:0,1,0
SHUTDOWN admin,slow,dangerous
SINTER read,set,slow r:1:-1,1,0
SINTERCARD read,set,slow r:1:#0,1,1
SINTERSTORE write,set,slow w:1:0,1,0 r:2:-1,1,0
SISMEMBER read,set,fast r:1:0,1,0
SLAVEOF admin,slow,dangerous
SLOWLOG|GET admin,slow,dangerous
SLOWLOG|LEN admin,slow,dangerous
SLOWLOG|RESET admin,slow,dangerous
SMEMBERS read,set,slow r:1:0,1,0
SMISMEMBER read,set,fast r:1:0,1,0
SMOVE write,set,fast rw:1:0,1,0 w:2:0,1,0
SORT write,set,sortedset,list,slow,dangerous r:1:0,1,0 r:?:? w:?:?
SORT_RO read,set,sortedset,list,slow,dangerous r:1:0,1,0 r:?:?
SPOP write,set,fast rw:1:0,1,0
SPUBLISH pubsub,fast w~:1:0,1,0
SRANDMEMBER read,set,slow r:1:0,1,0
SREM write,set,fast w:1:0,1,0
SSCAN read,set,slow r:1:0,1,0
SSUBSCRIBE pubsub,slow w~:1:-1,1,0
STRLEN read,string,fast r:1:0,1,0
SUBSCRIBE pubsub,slow
SUBSTR read,string,slow r:1:0,1,0
SUNION read,set,slow r:1:-1,1,0
SUNIONSTORE write,set,slow w:1:0,1,0 r:2:-1,1,0
SUNSUBSCRIBE pubsub,slow w~:1:-1,1,0
SWAPDB keyspace,write,fast,dangerous
SYNC admin,slow,dangerous
TIME fast
TOUCH keyspace,read,fast r:1:-1,1,0
TTL keyspace,read,fast r:1:0,1,0
TYPE keyspace,read,fast r:1:0,1,0
UNLINK keyspace,write,fast w:1:-1,1,0
UNSUBSCRIBE pubsub,slow
UNWATCH fast,transaction
WAIT slow,connection
WATCH fast,transaction r:1:-1,1,0
XACK write,stream,fast w:1:0,1,0
XADD write,stream,fast w:1:0,1,0
XAUTOCLAIM write,stream,fast w:1:0,1,0
XCLAIM write,stream,fast w:1:0,1,0
XDEL write,stream,fast w:1:0,1,0
XGROUP|CREATE write,stream,slow w:2:0,1,0
XGROUP|CREATECONSUMER write,stream,slow w:2:0,1,0
XGROUP|DELCONSUMER write,stream,slow w:2:0,1,0
XGROUP|DESTROY write,stream,slow w:2:0,1,0
XGROUP|SETID write,stream,slow w:2:0,1,0
XINFO|CONSUMERS read,stream,slow r:2:0,1,0
XINFO|GROUPS read,stream,slow r:2:0,1,0
XINFO|STREAM read,stream,slow r:2:0,1,0
XLEN read,stream,fast r:1:0,1,0
XPENDING read,stream,slow r:1:0,1,0
XRANGE read,stream,slow r:1:0,1,0
XREAD read,stream,slow,blocking r:STREAMS@1:-1,1,2
XREADGROUP write,stream,slow,blocking r:STREAMS@4:-1,1,2
XREVRANGE read,stream,slow r:1:0,1,0
XSETID write,stream,fast w:1:0,1,0
XTRIM write,stream,slow w:1:0,1,0
ZADD write,sortedset,fast w:1:0,1,0
ZCARD read,sortedset,fast r:1:0,1,0
ZCOUNT read,sortedset,fast r:1:0,1,0
ZDIFF read,sortedset,slow r:1:#0,1,1
ZDIFFSTORE write,sortedset,slow w:1:0,1,0 r:2:#0,1,1
ZINCRBY write,sortedset,fast rw:1:0,1,0
ZINTER read,sortedset,slow r:1:#0,1,1
ZINTERCARD read,sortedset,slow r:1:#0,1,1
ZINTERSTORE write,sortedset,slow w:1:0,1,0 r:2:#0,1,1
ZLEXCOUNT read,sortedset,fast r:1:0,1,0
ZMPOP write,sortedset,slow rw:1:#0,1,1
ZMSCORE read,sortedset,fast r:1:0,1,0
ZPOPMAX write,sortedset,fast rw:1:0,1,0
ZPOPMIN write,sortedset,fast rw:1:0,1,0
ZRANDMEMBER read,sortedset,slow r:1:0,1,0
ZRANGE read,sortedset,slow r:1:0,1,0
ZRANGEBYLEX read,sortedset,slow r:1:0,1,0
ZRANGEBYSCORE read,sortedset,slow r:1:0,1,0
ZRANGESTORE write,sortedset,slow w:1:0,1,0 r:2:0,1,0
ZRANK read,sortedset,fast r:1:0,1,0
ZREM write,sortedset,fast w:1:0,1,0
ZREMRANGEBYLEX write,sortedset,slow w:1:0,1,0
ZREMRANGEBYRANK write,sortedset,slow w:1:0,1,0
ZREMRANGEBYSCORE write,sortedset,slow w:1:0,1,0
ZREVRANGE read,sortedset,slow r:1:0,1,0
ZREVRANGEBYLEX read,sortedset,slow r:1:0,1,0
ZREVRANGEBYSCORE read,sortedset,slow r:1:0,1,0
ZREVRANK read,sortedset,fast r:1:0,1,0
ZSCAN read,sortedset,slow r:1:0,1,0
ZSCORE read,sortedset,fast r:1:0,1,0
ZUNION read,sortedset,slow r:1:#0,1,1
ZUNIONSTORE write,sortedset,slow w:1:0,1,0 r:2:#0,1,1
`;
