using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Rules;

/// <summary>
/// Judges the recorded history of an etcd in which only agents write: at each revision every write is by the node that it names, and obeys
/// <see cref="KeyRules"/>. Feed it the watch of the whole prefix from revision 1.
/// </summary>
public sealed class LeaseHistory
{
    private readonly SortedDictionary<string, StoreRecord> _live = new(StringComparer.Ordinal);

    /// <summary>What stands after the last record taken.</summary>
    public IReadOnlyCollection<StoreRecord> Live => _live.Values;

    /// <summary>How many writes and deletions have been judged.</summary>
    public int Count { get; private set; }

    /// <summary>Takes the next write or deletion.</summary>
    /// <exception cref="ViolationException">It breaks a rule.</exception>
    public void Take(StoreRecord record)
    {
        Count++;
        StoreRecord? before = _live.GetValueOrDefault(record.Path);
        if (record.IsDeleted)
        {
            _live.Remove(record.Path);
            return; // by expiry or by its owner; a history does not say
        }
        if (!LeaseAttributes.TryParse(record.Value.Span, out LeaseAttributes? writer, out string? reason))
            throw new ViolationException(ViolationKind.WrongKey, $"{record.Path} at revision {record.ModRevision} is unreadable: {reason}");
        KeyRules.CheckWrite([writer], before, record);
        if (before is null)
            KeyRules.CheckNew([writer], record, _live.Values);
        _live[record.Path] = record;
    }
}
