using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using Overlay.Agent.Text;
using Overlay.Encap.Wire;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.State;

/// <summary>
/// <c>cache.json</c> in the state folder. What it holds is read by the same rules as what etcd holds, so that nothing gets in here which
/// could not come from there. Used as <see cref="SealedFile"/> is.
/// </summary>
public sealed class CacheFile
{
    /// <summary>Its name in the state folder.</summary>
    public const string FileName = "cache.json";

    /// <summary>Room for some 65,000 peers.</summary>
    private const int SizeLimit = 32 * 1024 * 1024;

    private readonly SealedFile _file;

    /// <summary>Names the file; touches nothing.</summary>
    /// <param name="stateDirectory">Absolute path of the state folder.</param>
    public CacheFile(string stateDirectory) => _file = new SealedFile(Path.Combine(stateDirectory, FileName), 1, SizeLimit);

    /// <summary>Reads the file. Never blocks, never throws for what it holds.</summary>
    /// <param name="problem">What is wrong with it, in words for one log line; null when it is good or not there.</param>
    public EtcdCache? Load(out string? problem)
    {
        SealedState found = _file.Read();
        problem = found.Problem;
        if (found is not { State: { } state, IsNewer: false }) return null;
        try
        {
            EtcdCache? cache = Decode(state.Deserialize(StateJson.Default.CacheBody));
            problem = cache is null ? "its values are damaged" : null;
            return cache;
        }
        catch (Exception e) when (e is JsonException or NetworkConfigException or InvalidOperationException)
        {
            problem = "its values are damaged";
            return null;
        }
    }

    /// <summary>Replaces the file. Waits for the disk.</summary>
    /// <param name="cache">The content.</param>
    /// <param name="problem">Why it was not saved.</param>
    public bool TrySave(EtcdCache cache, [NotNullWhen(false)] out string? problem)
    {
        CacheBody body = new(
            cache.NodeId, cache.VtepMac.ToString(), cache.Prefix, cache.PublicIp.ToString(), cache.Saved, Element(cache.Config.ToJson()), cache.Leases.Revision,
            [.. cache.Leases.Leases.Values.Select(l => new CacheEntry(l.Key.Name, Element(l.Attributes.ToJson()), l.EtcdLeaseId, l.CreateRevision, l.ModRevision, l.IsRetained ? true : null))]);
        return _file.TryWrite(JsonSerializer.SerializeToUtf8Bytes(body, StateJson.Default.CacheBody), out problem);
    }

    private static EtcdCache? Decode(CacheBody? body)
    {
        if (body is not { Prefix: { } prefix, Leases: { } entries }
            || !AgentState.IsNodeId(body.NodeId)
            || !MacAddress.TryParse(body.VtepMac, out MacAddress mac) || !mac.IsUnicast
            || !GoLiterals.TryAddress(body.PublicIp ?? "", out IPAddress publicIp) || publicIp.AddressFamily != AddressFamily.InterNetwork)
            return null;
        List<Lease> leases = [];
        foreach (CacheEntry? entry in entries)
        {
            if (entry?.Key is null) return null;
            StoreRecord record = new(
                StorePaths.Subnets + entry.Key, JsonMarshal.GetRawUtf8Value(entry.Value).ToArray(), entry.EtcdLease, entry.Created, entry.Modified);
            if (!Lease.TryRead(record, out Lease? lease, out _)) return null;
            leases.Add(lease with { IsRetained = entry.Retained is true });
        }
        NetworkConfig config = NetworkConfig.Parse(JsonMarshal.GetRawUtf8Value(body.Config));
        return new EtcdCache(body.NodeId!, mac, prefix, publicIp, body.Saved, config, LeaseTable.Build(body.Revision, leases, publicIp));
    }

    private static JsonElement Element(byte[] utf8) => JsonElement.Parse(utf8);
}
