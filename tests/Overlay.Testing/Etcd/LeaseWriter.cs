using System.Globalization;
using System.Net;
using dotnet_etcd;
using Etcdserverpb;
using Google.Protobuf;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Model;

namespace Overlay.Testing.Etcd;

/// <summary>
/// Writes leases of many nodes at once, as no node does: past the store, without comparison, and up to 100 keys to a revision. Node n, from 0,
/// holds the n-th subnet of <see cref="Config"/>.
/// </summary>
public sealed class LeaseWriter : IDisposable
{
    /// <summary>A network with room for 65,000 nodes.</summary>
    public const string Config = """{"Network":"10.0.0.0/8","SubnetLen":24,"Backend":{"Type":"vxlan"}}""";

    private const int KeysPerRevision = 100; // etcd allows 128

    private readonly EtcdOptions _options;
    private readonly EtcdClient _client;
    private readonly HttpClient _http = new();

    /// <summary>Connects to the first endpoint.</summary>
    public LeaseWriter(EtcdOptions options)
    {
        _options = options;
        _client = new EtcdClient(options.Endpoints[0]);
    }

    /// <summary>The subnet of a node.</summary>
    public static SubnetKey SubnetOf(int node) => SubnetKey.For(new IPNetwork(new IPAddress([10, (byte)(node >> 8), (byte)node, 0]), 24));

    /// <summary>Writes the network config.</summary>
    public Task PutConfigAsync(string json = Config) => _client.PutAsync($"{_options.Prefix}/config", json);

    /// <summary>Makes an etcd lease.</summary>
    public async Task<long> GrantAsync(long seconds) => (await _client.LeaseGrantAsync(new LeaseGrantRequest { TTL = seconds }).ConfigureAwait(false)).ID;

    /// <summary>Takes an etcd lease and its keys away.</summary>
    public Task RevokeAsync(long etcdLeaseId) => _client.LeaseRevokeAsync(new LeaseRevokeRequest { ID = etcdLeaseId });

    /// <summary>Writes the leases of some nodes.</summary>
    /// <param name="nodes">Their numbers.</param>
    /// <param name="attributes">What each says of itself; null deletes its key.</param>
    /// <param name="etcdLeaseId">The etcd lease of the keys; 0 for none.</param>
    public async Task PutAsync(IEnumerable<int> nodes, Func<int, LeaseAttributes?> attributes, long etcdLeaseId = 0)
    {
        foreach (int[] some in nodes.Chunk(KeysPerRevision))
            await _client.TransactionAsync(new TxnRequest { Success = { some.Select(node => Operation(node, attributes(node), etcdLeaseId)) } }).ConfigureAwait(false);
    }

    /// <summary>Writes any value under any name below <c>subnets/</c>.</summary>
    public Task PutRawAsync(string name, string value) => _client.PutAsync($"{_options.Prefix}/subnets/{name}", value);

    /// <summary>Writes keys below <c>subnets/</c> whose names are no subnets.</summary>
    public Task PutJunkAsync(int first, int count) => _client.TransactionAsync(new TxnRequest
    {
        Success =
        {
            Enumerable.Range(first, count).Select(i => new RequestOp
            {
                RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8($"{_options.Prefix}/subnets/junk-{i}"), Value = ByteString.CopyFromUtf8("x") },
            }),
        },
    });

    /// <summary>Deletes every lease.</summary>
    public Task DeleteAllAsync() => _client.DeleteRangeAsync($"{_options.Prefix}/subnets/");

    /// <summary>Calls that etcd has seen so far, by name such as <c>Range</c>, <c>Txn</c>, <c>Watch</c>, <c>LeaseGrant</c>.</summary>
    public async Task<Dictionary<string, long>> CountCallsAsync(CancellationToken cancellationToken)
    {
        string metrics = await _http.GetStringAsync(new Uri($"{_options.Endpoints[0]}/metrics"), cancellationToken).ConfigureAwait(false);
        const string Started = "grpc_server_started_total{grpc_method=\"";
        return metrics.Split('\n').Where(line => line.StartsWith(Started, StringComparison.Ordinal))
            .Select(line => (Name: line[Started.Length..line.IndexOf('"', Started.Length)], Count: double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture)))
            .GroupBy(call => call.Name).ToDictionary(calls => calls.Key, calls => (long)calls.Sum(call => call.Count));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _client.Dispose();
        _http.Dispose();
    }

    private RequestOp Operation(int node, LeaseAttributes? attributes, long etcdLeaseId)
    {
        ByteString key = ByteString.CopyFromUtf8($"{_options.Prefix}/subnets/{SubnetOf(node).Name}");
        return attributes is null
            ? new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = key } }
            : new RequestOp { RequestPut = new PutRequest { Key = key, Value = ByteString.CopyFrom(attributes.ToJson()), Lease = etcdLeaseId } };
    }
}
