using System.Buffers;
using System.Net;
using System.Text.Json;
using Overlay.Subnet.Model;

namespace Overlay.Subnet.Json;

/// <summary>Reads and checks the network config. The rules are those of flannel's <c>pkg/subnet/config.go</c> plus the checks it lacks.</summary>
internal static class NetworkConfigJson
{
    private const int MaxLength = 64 * 1024;
    private const int MaxVni = (1 << 24) - 1;

    private sealed class Fields
    {
        public (uint Address, int Length)? Network;
        public uint SubnetLength;
        public uint SubnetMin;
        public uint SubnetMax;
        public bool EnableIPv4 = true;
        public bool EnableIPv6;
        public bool EnableNFTables;
        public BackendConfig Backend = new() { TypeWasMissing = true };
    }

    public static NetworkConfig Parse(ReadOnlySpan<byte> utf8)
    {
        var fields = new Fields();
        string key = "";
        try
        {
            GoJson.ReadDocument(utf8, MaxLength, (ref Utf8JsonReader reader, string name) =>
            {
                ReadField(ref reader, name, fields, ref key);
                key = "";
            });
        }
        catch (FormatException e)
        {
            throw new NetworkConfigException(key, e.Message);
        }
        return Check(fields);
    }

    public static byte[] Write(NetworkConfig config)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            BackendConfig backend = config.Backend;
            writer.WriteStartObject();
            writer.WriteString("Network", config.Network.ToString());
            writer.WriteNumber("SubnetLen", config.SubnetLength);
            writer.WriteString("SubnetMin", config.SubnetMin.ToString());
            writer.WriteString("SubnetMax", config.SubnetMax.ToString());
            writer.WriteBoolean("EnableNFTables", config.EnableNFTables);
            writer.WriteStartObject("Backend");
            if (!backend.TypeWasMissing)
                writer.WriteString("Type", backend.Type);
            writer.WriteNumber("VNI", backend.Vni);
            writer.WriteNumber("Port", backend.Port);
            writer.WriteNumber("MTU", backend.Mtu);
            writer.WriteBoolean("DirectRouting", backend.DirectRouting);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static void ReadField(ref Utf8JsonReader reader, string name, Fields fields, ref string key)
    {
        if (GoJson.Is(name, key = "EnableIPv4"))
            fields.EnableIPv4 = GoJson.Bool(ref reader, fields.EnableIPv4);
        else if (GoJson.Is(name, key = "EnableIPv6"))
            fields.EnableIPv6 = GoJson.Bool(ref reader, fields.EnableIPv6);
        else if (GoJson.Is(name, key = "EnableNFTables"))
            fields.EnableNFTables = GoJson.Bool(ref reader, fields.EnableNFTables);
        else if (GoJson.Is(name, key = "Network"))
            fields.Network = IPv4.TryParseCidr(GoJson.String(ref reader), out uint address, out int length)
                ? (address, length) : throw new FormatException("not an IPv4 network such as 10.1.0.0/16");
        else if (GoJson.Is(name, key = "SubnetLen"))
            fields.SubnetLength = GoJson.Number(ref reader, fields.SubnetLength);
        else if (GoJson.Is(name, key = "SubnetMin"))
            fields.SubnetMin = Address(ref reader);
        else if (GoJson.Is(name, key = "SubnetMax"))
            fields.SubnetMax = Address(ref reader);
        else if (GoJson.Is(name, key = "Backend"))
            fields.Backend = ReadBackend(ref reader, ref key);
        else
        {
            key = "";
            reader.Skip();
        }
    }

    private static uint Address(ref Utf8JsonReader reader) =>
        IPv4.TryParse(GoJson.String(ref reader), out uint address) ? address : throw new FormatException("not an IPv4 address such as 10.1.10.0");

    private static BackendConfig ReadBackend(ref Utf8JsonReader reader, ref string key)
    {
        var backend = new BackendConfig { TypeWasMissing = true };
        if (reader.TokenType == JsonTokenType.Null)
            return backend;
        string field = key;
        try
        {
            GoJson.ReadObject(ref reader, (ref Utf8JsonReader value, string name) =>
            {
                if (GoJson.Is(name, field = "Type"))
                    backend = BackendType(GoJson.String(ref value)) is { Length: > 0 } type ? backend with { Type = type, TypeWasMissing = false } : backend;
                else if (GoJson.Is(name, field = "VNI"))
                    backend = backend with { Vni = GoJson.Number(ref value, backend.Vni, MaxVni) };
                else if (GoJson.Is(name, field = "Port"))
                    backend = backend with { Port = GoJson.Number(ref value, backend.Port, ushort.MaxValue) is var port and > 0 ? (ushort)port : (ushort)8472 };
                else if (GoJson.Is(name, field = "MTU"))
                    backend = backend with { Mtu = (int)GoJson.Number(ref value, (uint)backend.Mtu, ushort.MaxValue) };
                else if (GoJson.Is(name, field = "DirectRouting"))
                    backend = backend with { DirectRouting = GoJson.Bool(ref value, backend.DirectRouting) };
                else if (GoJson.Is(name, field = "GBP") && GoJson.Bool(ref value, false))
                    throw new FormatException("the group policy extension is not supported; remove it or set it to false on every node");
                else if (GoJson.Is(name, field = "Learning"))
                    GoJson.Bool(ref value, false); // flannel's default is off and nothing is ever learnt here
                else
                    value.Skip();
                field = "";
            });
        }
        finally
        {
            key = field.Length is 0 || field == "Backend" ? "Backend" : $"Backend.{field}";
        }
        return backend;
    }

    private static string BackendType(string type)
    {
        string lower = type.ToLowerInvariant();
        return lower is "vxlan" or "" ? lower
            : throw new FormatException($"backend \"{LogText.Escape(type)}\" is not supported; supported: vxlan");
    }

    private static NetworkConfig Check(Fields fields)
    {
        if (fields.EnableIPv6)
            throw new NetworkConfigException("EnableIPv6", "IPv6 and dual-stack overlays are not supported; remove it or set it to false");
        if (!fields.EnableIPv4)
            throw new NetworkConfigException("EnableIPv4", "an overlay without IPv4 is not supported; remove it or set it to true");
        if (fields.Network is not var (address, length))
            throw new NetworkConfigException("Network", "missing");

        IPNetwork network = IPv4.Network(address, length);
        if (length == 0 || IPv4.First(network) >> 24 is 0 or 127 || IPv4.Last(network) >> 24 is 0 or 127 or >= 224)
            throw new NetworkConfigException("Network", $"{network} is not a network of ordinary unicast addresses");

        int subnetLength = CheckSubnetLength(fields.SubnetLength, network);
        uint size = ~IPv4.Mask(subnetLength) + 1;
        uint first = fields.SubnetMin == 0 ? IPv4.First(network) + size : fields.SubnetMin;
        uint last = fields.SubnetMax == 0 ? IPv4.Last(network) - size + 1 : fields.SubnetMax;
        CheckLimit("SubnetMin", first, network, subnetLength);
        CheckLimit("SubnetMax", last, network, subnetLength);
        if (first > last)
            throw new NetworkConfigException("SubnetMin", $"{IPv4.FromUInt32(first)} is above SubnetMax {IPv4.FromUInt32(last)}");

        return new NetworkConfig
        {
            Network = network,
            SubnetLength = subnetLength,
            SubnetMin = IPv4.FromUInt32(first),
            SubnetMax = IPv4.FromUInt32(last),
            EnableNFTables = fields.EnableNFTables,
            Backend = fields.Backend,
        };
    }

    private static int CheckSubnetLength(uint asked, IPNetwork network)
    {
        if (asked == 0) // as in Go, 0 and "not given" are the same
            return network.PrefixLength <= 22 ? 24 : network.PrefixLength <= 28 ? network.PrefixLength + 2
                : throw new NetworkConfigException("Network", $"{network} is too small to hold subnets; use a prefix length of 28 or less");
        if (asked > 30)
            throw new NetworkConfigException("SubnetLen", $"{asked} is above 30");
        if (asked < network.PrefixLength + 2)
            throw new NetworkConfigException("SubnetLen", $"{asked} gives fewer than four subnets in {network}");
        return (int)asked;
    }

    private static void CheckLimit(string key, uint address, IPNetwork network, int subnetLength)
    {
        if (!network.Contains(IPv4.FromUInt32(address)))
            throw new NetworkConfigException(key, $"{IPv4.FromUInt32(address)} is outside Network {network}");
        if ((address & ~IPv4.Mask(subnetLength)) != 0)
            throw new NetworkConfigException(key, $"{IPv4.FromUInt32(address)} is not the start of a /{subnetLength}");
    }
}
