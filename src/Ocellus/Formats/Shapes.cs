namespace Ocellus.Formats;

/// <summary>The boxes around shapes that labelling tools draw.</summary>
internal static class Shapes
{
    /// <summary>The box around points; null for none.</summary>
    public static ImageBox? Around(string label, IEnumerable<(double X, double Y)> points)
    {
        double left = double.PositiveInfinity, top = double.PositiveInfinity, right = double.NegativeInfinity, bottom = double.NegativeInfinity;
        foreach (var (x, y) in points)
        {
            (left, top) = (Math.Min(left, x), Math.Min(top, y));
            (right, bottom) = (Math.Max(right, x), Math.Max(bottom, y));
        }

        return right >= left ? new ImageBox(label, left, top, right - left, bottom - top) : null;
    }

    /// <summary>A box from two opposite corners, in any order.</summary>
    public static ImageBox OfCorners(string label, double x1, double y1, double x2, double y2) =>
        new(label, Math.Min(x1, x2), Math.Min(y1, y2), Math.Abs(x2 - x1), Math.Abs(y2 - y1));

    /// <summary>The box around a turned rectangle.</summary>
    /// <param name="box">The rectangle before it is turned.</param>
    /// <param name="degrees">Turned clockwise by so much.</param>
    /// <param name="pivotX">Around this point.</param>
    /// <param name="pivotY">Around this point.</param>
    public static ImageBox Turned(ImageBox box, double degrees, double pivotX, double pivotY)
    {
        if (degrees % 360 == 0)
        {
            return box;
        }

        var (sin, cos) = Math.SinCos(degrees * Math.PI / 180);
        (double, double)[] corners =
        [
            Turn(box.Left, box.Top), Turn(box.Left + box.Width, box.Top),
            Turn(box.Left, box.Top + box.Height), Turn(box.Left + box.Width, box.Top + box.Height),
        ];
        return Around(box.Label, corners)!.Value;

        (double, double) Turn(double x, double y) =>
            (pivotX + ((x - pivotX) * cos) - ((y - pivotY) * sin), pivotY + ((x - pivotX) * sin) + ((y - pivotY) * cos));
    }
}
