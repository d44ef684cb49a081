using System.Buffers;
using System.Text;
using System.Text.Json;
using Overlay.Encap.Mtu;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;

namespace Overlay.Agent.NetworkConfigs;

/// <summary>An inspected network config in the two forms that <c>config check</c> prints.</summary>
internal static class ConfigPrinter
{
    private const int EthernetMtu = 1500;

    /// <summary>What agents take from a config, defaults filled in.</summary>
    public static string Text(NetworkConfig config, ConfigDocument document)
    {
        string Default(string key) => document.Has(key) ? "" : " (default)";
        BackendConfig backend = config.Backend;
        string mtu = backend.Mtu > 0
            ? $"{new LinkMtu(backend.Mtu).ToTunMtu().Bytes} on every node: Backend.MTU {backend.Mtu} less {Overhead.OuterIPv4}"
            : $"that of each node's interface less {Overhead.OuterIPv4}: {new LinkMtu(EthernetMtu).ToTunMtu().Bytes} where it is {EthernetMtu}";
        string port = document.Value("Backend.Port") is null or "0" ? " (default)" : "";
        return $"""
            Network    {config.Network}
            SubnetLen  {config.SubnetLength}{(document.Value("SubnetLen") is null or "0" ? " (default)" : "")}
            SubnetMin  {config.SubnetMin}{Default("SubnetMin")}
            SubnetMax  {config.SubnetMax}{Default("SubnetMax")}
            subnets    {Subnets(config)}
            Backend    {backend.Type}{(backend.TypeWasMissing ? " (default)" : "")}, VNI {backend.Vni}{Default("Backend.VNI")}, UDP port {backend.Port}{port}
            MTU        {mtu}

            """;
    }

    /// <summary>Everything as one JSON object.</summary>
    public static string Json(ConfigInspection inspection)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, new JsonWriterOptions { Indented = true, IndentSize = 2 }))
        {
            writer.WriteStartObject();
            writer.WriteBoolean("valid", inspection.Config is not null);
            Remarks(writer, "mistakes", inspection.Mistakes);
            Remarks(writer, "warnings", inspection.Warnings);
            if (inspection.Config is { } config) Effective(writer, config);
            else writer.WriteNull("effective");
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    private static void Effective(Utf8JsonWriter writer, NetworkConfig config)
    {
        writer.WriteStartObject("effective");
        writer.WriteString("network", config.Network.ToString());
        writer.WriteNumber("subnetLen", config.SubnetLength);
        writer.WriteString("subnetMin", config.SubnetMin.ToString());
        writer.WriteString("subnetMax", config.SubnetMax.ToString());
        writer.WriteNumber("subnets", Subnets(config));
        writer.WriteString("backend", config.Backend.Type);
        writer.WriteNumber("vni", config.Backend.Vni);
        writer.WriteNumber("port", config.Backend.Port);
        if (config.Backend.Mtu > 0) writer.WriteNumber("overlayMtu", new LinkMtu(config.Backend.Mtu).ToTunMtu().Bytes);
        else writer.WriteNull("overlayMtu");
        writer.WriteEndObject();
    }

    private static void Remarks(Utf8JsonWriter writer, string name, IReadOnlyList<ConfigRemark> remarks)
    {
        writer.WriteStartArray(name);
        foreach (ConfigRemark remark in remarks)
        {
            writer.WriteStartObject();
            writer.WriteString("key", remark.Key);
            writer.WriteString("value", remark.Value);
            writer.WriteString("reason", remark.Text);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static uint Subnets(NetworkConfig config) => new SubnetPool(config, []).Count;
}
