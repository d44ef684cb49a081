using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Survey;

/// <summary>One key below <c>subnets/</c> and what is wrong with it.</summary>
/// <param name="Record">The key as it stands in etcd.</param>
/// <param name="Key">Its subnet; null where the name is none.</param>
/// <param name="Lease">The lease; null where name or value is unreadable.</param>
/// <param name="Problems">Why agents do not use it, or why it should not be so; safe to print, empty when all is well.</param>
public sealed record SurveyedKey(StoreRecord Record, SubnetKey? Key, Lease? Lease, IReadOnlyList<string> Problems);
