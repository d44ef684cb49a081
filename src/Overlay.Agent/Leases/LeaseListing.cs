using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.Configuration;
using Overlay.Subnet;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Agent.Leases;

/// <summary><c>leases</c>: who holds which subnet, for how long, and what is wrong with it.</summary>
internal static class LeaseListing
{
    private static readonly string[] Heads = ["SUBNET", "PUBLIC IP", "NODE", "BACKEND", "VNI", "VTEP MAC", "TTL", "RENEWED", "PROBLEM"];

    /// <summary>Lists.</summary>
    public static Task<int> RunAsync(EtcdSettings etcd, bool json, VerbConsole console, CancellationToken stop) => EtcdSession.RunAsync(etcd, console, async store =>
    {
        ClusterView view = await ClusterView.ReadAsync(store, stop).ConfigureAwait(false);
        LeaseLives lives = await LeaseLives.ReadAsync(store, view.Keys.Select(k => k.Record.EtcdLeaseId), stop).ConfigureAwait(false);
        IReadOnlyList<LeaseRow> rows = LeaseRow.Create(view, lives);
        await console.Out.WriteAsync(json ? Json(view, rows) : Table(rows)).ConfigureAwait(false);

        if (view.ConfigProblem is not null) console.Complain(view.ConfigProblem);
        if (lives.Problem is not null) console.Complain($"times to live are missing: {lives.Problem}");
        int bad = rows.Count(r => r.Problems.Count > 0);
        if (bad > 0) console.Complain($"{bad} of {rows.Count} {(rows.Count == 1 ? "key has" : "keys have")} a problem");
        return 0;
    }, stop);

    /// <summary>Columns as wide as their content; several problems of one key on lines of their own.</summary>
    public static string Table(IReadOnlyList<LeaseRow> rows)
    {
        List<string[]> lines = [Heads];
        foreach (LeaseRow row in rows)
        {
            lines.Add(Cells(row));
            lines.AddRange(row.Problems.Skip(1).Select(problem => (string[])["", "", "", "", "", "", "", "", problem]));
        }
        int[] widths = [.. Heads.Select((_, column) => lines.Max(line => line[column].Length))];
        StringBuilder text = new();
        foreach (string[] line in lines)
            text.Append(string.Join("  ", line.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd()).Append('\n');
        return text.ToString();
    }

    private static string[] Cells(LeaseRow row)
    {
        LeaseAttributes? node = row.Lease?.Attributes;
        return
        [
            row.Subnet,
            node?.PublicIP.ToString() ?? "-",
            ShortId(node),
            node?.BackendType is { } type ? LogText.Escape(type, 16) : "-",
            node?.Vni?.ToString(CultureInfo.InvariantCulture) ?? "-",
            node?.VtepMac ?? "-",
            row.Ttl,
            row.Life is null ? "-" : $"{LeaseRow.Words(row.Life.SinceRenewal)} ago",
            row.Problems.Count > 0 ? row.Problems[0] : "",
        ];
    }

    /// <summary>Enough of a node id to tell nodes apart by eye; a dash for flannel, which has none.</summary>
    public static string ShortId(LeaseAttributes? node) => node?.NodeId is { } id ? id[..Math.Min(8, id.Length)] : "-";

    /// <summary>One object: the config's state, and a list with every key.</summary>
    public static string Json(ClusterView view, IReadOnlyList<LeaseRow> rows)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, new JsonWriterOptions { Indented = true, IndentSize = 2 }))
        {
            writer.WriteStartObject();
            writer.WriteString("network", view.Config?.Network.ToString());
            writer.WriteString("configProblem", view.ConfigProblem);
            writer.WriteStartArray("leases");
            foreach (LeaseRow row in rows) Write(writer, row);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    private static void Write(Utf8JsonWriter writer, LeaseRow row)
    {
        LeaseAttributes? node = row.Lease?.Attributes;
        writer.WriteStartObject();
        writer.WriteString("key", StorePaths.SubnetName(row.Record.Path));
        writer.WriteString("subnet", row.Lease?.Subnet.ToString());
        writer.WriteString("publicIP", node?.PublicIP.ToString());
        writer.WriteString("nodeId", node?.NodeId);
        writer.WriteString("backend", node?.BackendType);
        if (node?.Vni is { } vni) writer.WriteNumber("vni", vni);
        else writer.WriteNull("vni");
        writer.WriteString("vtepMac", node?.VtepMac);
        writer.WriteBoolean("reserved", row.Record.EtcdLeaseId == 0);
        Seconds(writer, "ttlSeconds", row.Life?.Remaining);
        Seconds(writer, "renewedSecondsAgo", row.Life?.SinceRenewal);
        writer.WriteNumber("createRevision", row.Record.CreateRevision);
        writer.WriteNumber("modRevision", row.Record.ModRevision);
        writer.WriteStartArray("problems");
        foreach (string problem in row.Problems) writer.WriteStringValue(problem);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void Seconds(Utf8JsonWriter writer, string name, TimeSpan? time)
    {
        if (time is { } known) writer.WriteNumber(name, (long)known.TotalSeconds);
        else writer.WriteNull(name);
    }
}
