namespace Overlay.Agent.Doctor;

/// <summary>One thing that is looked at. Its findings differ from host to host; this does not.</summary>
/// <param name="Id">Name for scripts, <c>group.thing</c>; stays the same from version to version.</param>
/// <param name="Why">Why it matters, in a sentence or two.</param>
internal sealed record Check(string Id, string Why)
{
    /// <summary>The heading it stands under.</summary>
    public string Group => Id[..Id.IndexOf('.', StringComparison.Ordinal)];

    /// <summary>As it should be.</summary>
    public Finding Ok(string found) => new(this, Verdict.Ok, found);

    /// <summary>Not looked at.</summary>
    public Finding Skip(string reason) => new(this, Verdict.Skip, reason);

    /// <summary>Works, but not well.</summary>
    /// <param name="found">The value found.</param>
    /// <param name="mend">The command that mends it.</param>
    public Finding Warn(string found, string mend) => new(this, Verdict.Warn, found) { Mend = mend };

    /// <summary>Broken.</summary>
    /// <param name="found">The value found.</param>
    /// <param name="mend">The command that mends it.</param>
    public Finding Fail(string found, string mend) => new(this, Verdict.Fail, found) { Mend = mend };
}
