using System.Net;
using System.Text;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Tests.Support;

/// <summary>Example values.</summary>
internal static class Some
{
    public static readonly NetworkConfig Config = Parse("""{"Network":"10.1.0.0/16","Backend":{"Type":"vxlan"}}""");

    public static NetworkConfig Parse(string json) => NetworkConfig.Parse(Encoding.UTF8.GetBytes(json));

    public static LeaseAttributes Node(int number, string? nodeId = null) => new()
    {
        PublicIP = IPAddress.Parse($"192.168.{number / 250}.{number % 250 + 1}"),
        BackendType = "vxlan",
        Vni = 1,
        VtepMac = $"02:00:00:00:{number / 256:x2}:{number % 256:x2}",
        NodeId = nodeId,
    };

    public static string Json(LeaseAttributes attributes) => Encoding.UTF8.GetString(attributes.ToJson());

    public static string Path(string subnet) => StorePaths.Subnets + subnet;

    public static StoreRecord Record(string subnet, string value, long revision = 1, long created = 0, long lease = 7) =>
        new(Path(subnet), Encoding.UTF8.GetBytes(value), lease, created == 0 ? revision : created, revision);

    public static StoreRecord Record(string subnet, int node, long revision = 1, long created = 0) =>
        Record(subnet, Json(Node(node)), revision, created);

    public static StoreRecord Deleted(string subnet, long revision) => new(Path(subnet), default, 0, 0, revision, IsDeleted: true);
}
