using System.Globalization;
using System.Text;
using Overlay.Simulation.Time;

namespace Overlay.Simulation;

/// <summary>What happened in a schedule, one numbered line each. Off unless asked for: a failing seed is simply run again with it.</summary>
public sealed class Trace(SimClock clock, bool isOn)
{
    private readonly StringBuilder _text = new();
    private int _number;

    public bool IsOn => isOn;

    public void Line(string who, string what)
    {
        if (isOn)
            _text.Append(CultureInfo.InvariantCulture, $"{++_number,5} {clock.Now.TotalSeconds,9:0.000} s  {who,-8} {what}\n");
    }

    public override string ToString() => _text.ToString();
}
