using System.Text;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Etcd;

/// <summary>Records in words, for traces.</summary>
public static class Describe
{
    public static string Record(StoreRecord? record)
    {
        if (record is null or { IsDeleted: true })
            return "nothing";
        string what = LeaseAttributes.TryParse(record.Value.Span, out LeaseAttributes? found, out _)
            ? $"{found.PublicIP}/{found.NodeId ?? "flannel"}" : $"unreadable \"{Encoding.UTF8.GetString(record.Value.Span[..Math.Min(12, record.Value.Length)])}\"";
        return $"{what} lease {record.EtcdLeaseId} @{record.ModRevision}";
    }

    public static string Change(StoreRecord? before, StoreRecord after) => after.IsDeleted
        ? $"deletes {after.Path} (was {Record(before)})"
        : before is null ? $"creates {after.Path} = {Record(after)}" : $"writes {after.Path} = {Record(after)} (was {Record(before)})";
}
