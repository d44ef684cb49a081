namespace Overlay.Subnet.Etcd.Inspection;

/// <summary>What one etcd member says of itself (Maintenance.Status).</summary>
/// <param name="Version">Its version.</param>
/// <param name="MemberId">Its id.</param>
/// <param name="LeaderId">The leader it follows; 0 for none.</param>
/// <param name="DatabaseBytes">Size of its database file, what the quota is about.</param>
/// <param name="UsedBytes">How much of it is in use; the rest a defragmentation gives back.</param>
/// <param name="IsLearner">It has no vote yet and serves few requests.</param>
/// <param name="Errors">Alarms (<c>NOSPACE</c>, <c>CORRUPT</c>) and other trouble it knows of, in its own words; safe to print.</param>
public sealed record EtcdMemberStatus(
    string Version, ulong MemberId, ulong LeaderId, long DatabaseBytes, long UsedBytes, bool IsLearner, IReadOnlyList<string> Errors);
