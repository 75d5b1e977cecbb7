/* The fast path: packets between pods that need no decision are carried past the node's stack.
 *
 *     pod's host end, ingress   from_pod   to a pod of this node, or out by the sender's VNIC
 *     VNIC, ingress             to_pod     to a pod of this node
 *
 * A packet is carried when everything about it is known here; whatever is not goes on as if there
 * were no program, and meets routes, nft and its source check as ever. Nothing is dropped here.
 * Only TCP and UDP are carried, whole packets without options.
 *
 * On a node that tracks connections a packet is carried only when its connection is tracked, has
 * been answered, and is neither translated nor marked. The first packets of each connection and those that end it
 * go the normal way, so that whoever judges or translates connections sees all of them.
 *
 * The names declared `extern` are filled in by the loader: maps, kernel functions, and where the
 * running kernel keeps two fields (core/linux/bpf). Layouts of maps: core/wiring/carrying.py.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;

/* linux/bpf.h, as far as needed: the compiler brings no headers of the system. */
struct __sk_buff {
    u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority;
    u32 ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, data, data_end;
};
struct bpf_redir_neigh {
    u32 nh_family;
    union {
        u32 v4;
        u8 v6[16];
    } gateway;
};
struct bpf_ct_opts {
    s32 netns_id, error;
    u8 l4proto, dir, reserved[2];
};

static void *(*const map_lookup)(const void *map, const void *key) = (void *)1;
static long (*const store_bytes)(struct __sk_buff *, u32 at, const void *, u32 size, u64 flags) = (void *)9;
static long (*const pull_data)(struct __sk_buff *, u32 size) = (void *)39;
static u64 (*const jiffies64)(void) = (void *)118;
static long (*const redirect_neigh)(u32 ifindex, struct bpf_redir_neigh *, int size, u64 flags) = (void *)152;
static long (*const redirect_peer)(u32 ifindex, u64 flags) = (void *)155;
static long (*const check_mtu)(void *, u32 ifindex, u32 *mtu, s32 more, u64 flags) = (void *)163;

struct nf_conn;
extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *, const void *tuple, u32 size, struct bpf_ct_opts *, u32);
extern void bpf_ct_release(struct nf_conn *);
extern const char nf_conn__status[], nf_conn__timeout[], nf_conn__mark[];

/* Maps. */
extern const char pods4[], pods6[], vnics[], ways4[], ways6[], choices[];

struct pod {
    u32 link;        /* the host end */
    u32 slot;        /* of its VNIC */
    u32 mtu;
    u8 macs[12];     /* the pod's, the host end's: the head of a frame for the pod */
};
struct vnic {
    u32 link;        /* 0: none */
    u32 mtu;
    u32 families;    /* 1: gateway4 is good, 2: gateway6 is */
    u32 gateway4;
    u8 gateway6[16];
};
struct way4 {
    u32 length, address;
};
struct way6 {
    u32 length;
    u8 address[16];
};

enum { FREE = 0 }; /* of choices: 1 when connections are not tracked */

enum { PASS = 0 }; /* TC_ACT_OK: on to the stack */
enum { ETHERNET = 14, HOST = 0, TCP = 6, UDP = 17, FIN_SYN_RST = 7 };
enum { IP4 = 0x0008, IP6 = 0xdd86, INET = 2, INET6 = 10 }; /* protocols as they stand in a frame */
enum { FRAGMENT = 0xff3f, ONE_HOP = 0x0001 };             /* in network order */
enum { CHECK_SEGMENTS = 1, RECOMPUTE_CHECKSUM = 1 };

/* linux/netfilter/nf_conntrack_common.h */
enum {
    SEEN_REPLY = 1 << 1,
    ASSURED = 1 << 2,
    CONFIRMED = 1 << 3,
    TRANSLATED = 1 << 4 | 1 << 5,
    SPECIAL = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 13, /* numbers adjusted, dying, of a fixed end, helped */
};

/* An entry nearer to its end than this (jiffies, whatever their length) is seen by the tracking. */
enum { UDP_LEFT = 2500, TCP_LEFT = 1 << 19 };

struct ip4 {
    u8 version_size, tos;
    u16 length, id, fragment;
    u8 ttl, protocol;
    u16 check;
    u32 addresses[2];
};
struct ip6 {
    u32 flow;
    u16 length;
    u8 protocol, hops;
    u8 source[16], destination[16];
};
struct l4 {
    u16 source, destination;
    u32 sequence, acknowledged; /* TCP from here on */
    u8 offset, flags;
    u16 window;
    u32 check;
};
struct tuple4 {
    u32 addresses[2];
    u16 ports[2];
};
struct tuple6 {
    u8 addresses[32];
    u16 ports[2];
};

#define INLINE static inline __attribute__((always_inline))
#define SECTION(name) __attribute__((section(name), used))

INLINE void *start(const struct __sk_buff *skb) { return (void *)(u64)skb->data; }
INLINE void *end(const struct __sk_buff *skb) { return (void *)(u64)skb->data_end; }

/* Whether the packet's connection has nothing more to be decided. */
INLINE int settled(struct __sk_buff *skb, const void *tuple, u32 size, u8 protocol) {
    struct bpf_ct_opts options = {.netns_id = -1, .l4proto = protocol};
    struct nf_conn *flow = bpf_skb_ct_lookup(skb, tuple, size, &options, sizeof options);
    if (!flow) return 0;
    u32 mark = *(u32 *)((u8 *)flow + (u64)nf_conn__mark);
    u64 status = *(u64 *)((u8 *)flow + (u64)nf_conn__status);
    s32 left = (s32)(*(u32 *)((u8 *)flow + (u64)nf_conn__timeout) - (u32)jiffies64());
    bpf_ct_release(flow);
    if (mark) return 0; /* somebody keeps an eye on it */
    u64 needed = SEEN_REPLY | CONFIRMED;
    if (protocol == TCP) needed |= ASSURED;
    if ((status & needed) != needed || status & (TRANSLATED | SPECIAL)) return 0;
    return left > (protocol == TCP ? TCP_LEFT : UDP_LEFT);
}

INLINE int is_tracked(void) {
    u32 which = FREE;
    const u32 *untracked = map_lookup(choices, &which);
    return !untracked || !*untracked;
}

/* Whether the packet, or each of its segments, fits. */
INLINE int fits(struct __sk_buff *skb, u32 link, u32 mtu) {
    u32 size = 0;
    return skb->len <= mtu + ETHERNET || check_mtu(skb, link, &size, 0, CHECK_SEGMENTS) == 0;
}

INLINE void address_frame(void *frame, const struct pod *to) {
    u32 *words = frame;
    const u32 *macs = (const u32 *)to->macs;
    words[0] = macs[0];
    words[1] = macs[1];
    words[2] = macs[2];
}

/* The VNIC by which the pod's packets leave, if it has a router of that family. */
INLINE const struct vnic *leaving(const struct pod *from, u32 family) {
    u32 slot = from->slot;
    const struct vnic *vnic = map_lookup(vnics, &slot);
    return vnic && vnic->link && vnic->families & family ? vnic : 0;
}

INLINE int four(struct __sk_buff *skb, int leaves) {
    void *frame = start(skb); /* kept: read anew it would not be known to be as long */
    struct ip4 *ip = frame + ETHERNET;
    struct l4 *l4 = (void *)(ip + 1);
    if ((void *)l4 + 8 > end(skb)) return PASS;
    u8 protocol = ip->protocol;
    if (ip->version_size != 0x45 || ip->fragment & FRAGMENT || ip->ttl <= 1) return PASS;
    if (protocol != UDP && (protocol != TCP || (void *)(l4 + 1) > end(skb))) return PASS;

    const struct pod *from = 0;
    if (leaves) {
        from = map_lookup(pods4, &ip->addresses[0]);
        if (!from || from->link != skb->ifindex) return PASS;
    }
    const struct pod *to = map_lookup(pods4, &ip->addresses[1]);
    const struct vnic *by = 0;
    if (!to) {
        if (!leaves) return PASS;
        struct way4 there = {.length = 32, .address = ip->addresses[1]};
        const u32 *way = map_lookup(ways4, &there);
        by = leaving(from, 1);
        if (!way || !*way || !by) return PASS;
    } else if (to == from) {
        return PASS;
    }
    if (is_tracked()) {
        if (protocol == TCP && l4->flags & FIN_SYN_RST) return PASS;
        struct tuple4 tuple = {{ip->addresses[0], ip->addresses[1]}, {l4->source, l4->destination}};
        if (!settled(skb, &tuple, sizeof tuple, protocol)) return PASS;
    }
    if (!fits(skb, to ? to->link : by->link, to ? to->mtu : by->mtu)) return PASS;

    u32 check = ip->check + ONE_HOP; /* RFC 1141 */
    ip->check = (u16)(check + (check >= 0xffff));
    ip->ttl--;
    if (to) {
        address_frame(frame, to);
        return (int)redirect_peer(to->link, 0);
    }
    struct bpf_redir_neigh next = {.nh_family = INET, .gateway.v4 = by->gateway4};
    return (int)redirect_neigh(by->link, &next, sizeof next, 0);
}

INLINE int six(struct __sk_buff *skb, int leaves) {
    void *frame = start(skb); /* kept: read anew it would not be known to be as long */
    struct ip6 *ip = frame + ETHERNET;
    struct l4 *l4 = (void *)(ip + 1);
    if ((void *)l4 + 8 > end(skb)) return PASS;
    u8 protocol = ip->protocol, hops = ip->hops;
    if (hops <= 1) return PASS;
    if (protocol != UDP && (protocol != TCP || (void *)(l4 + 1) > end(skb))) return PASS;

    const struct pod *from = 0;
    if (leaves) {
        from = map_lookup(pods6, ip->source);
        if (!from || from->link != skb->ifindex) return PASS;
    }
    const struct pod *to = map_lookup(pods6, ip->destination);
    const struct vnic *by = 0;
    if (!to) {
        if (!leaves) return PASS;
        struct way6 there = {.length = 128};
        __builtin_memcpy(there.address, ip->destination, sizeof there.address);
        const u32 *way = map_lookup(ways6, &there);
        by = leaving(from, 2);
        if (!way || !*way || !by) return PASS;
    } else if (to == from) {
        return PASS;
    }
    if (is_tracked()) {
        if (protocol == TCP && l4->flags & FIN_SYN_RST) return PASS;
        struct tuple6 tuple;
        __builtin_memcpy(tuple.addresses, ip->source, sizeof tuple.addresses);
        tuple.ports[0] = l4->source;
        tuple.ports[1] = l4->destination;
        if (!settled(skb, &tuple, sizeof tuple, protocol)) return PASS;
    }
    if (!fits(skb, to ? to->link : by->link, to ? to->mtu : by->mtu)) return PASS;

    hops--;
    if (to) address_frame(frame, to);
    /* No checksum of its own makes good for the change: the packet's, if the NIC summed it up. */
    u32 at = ETHERNET + __builtin_offsetof(struct ip6, hops);
    if (store_bytes(skb, at, &hops, sizeof hops, RECOMPUTE_CHECKSUM)) return PASS;
    if (to) return (int)redirect_peer(to->link, 0);
    struct bpf_redir_neigh next = {.nh_family = INET6};
    __builtin_memcpy(next.gateway.v6, by->gateway6, sizeof next.gateway.v6);
    return (int)redirect_neigh(by->link, &next, sizeof next, 0);
}

INLINE int carried(struct __sk_buff *skb, int leaves) {
    u32 protocol = skb->protocol;
    u32 heads = ETHERNET + sizeof(struct l4) + (protocol == IP4 ? sizeof(struct ip4) : sizeof(struct ip6));
    if (protocol != IP4 && protocol != IP6) return PASS;
    if (skb->pkt_type != HOST || skb->vlan_present) return PASS;
    /* A NIC may leave the heads outside of what can be read at once. */
    if (start(skb) + heads > end(skb) && skb->len >= heads && pull_data(skb, heads)) return PASS;
    return protocol == IP4 ? four(skb, leaves) : six(skb, leaves);
}

SECTION("tc/from_pod") int from_pod(struct __sk_buff *skb) { return carried(skb, 1); }
SECTION("tc/to_pod") int to_pod(struct __sk_buff *skb) { return carried(skb, 0); }

